import type { Queryable } from '../../db';
import { KmsError } from '../../errors';
import { invalidArn } from '../../iam/arns';
import { refuseNul } from '../../iam/errors';
import { type OidcProvider, findProvider, lockProvider } from '../../iam/oidc-providers';
import { requireQuota } from '../../iam/quotas';
import { listTags, resourceTags } from '../../iam/tags';
import type { AccountAction } from '../../operation';
import type { AnyCall } from './entity-action';

type ProviderCall = AnyCall & { readonly input: { readonly OpenIDConnectProviderArn: string } };

const maxThumbprints = 5;

/** `accountActions` of an operation on the OIDC provider that its input names: on its ARN and with its tags. */
export function onProvider(
  action: `iam:${string}`,
): (call: ProviderCall) => Promise<readonly AccountAction[]> {
  return async ({ input, caller, services }) => {
    const { OpenIDConnectProviderArn: arn } = input;
    const { partition } = services.place;
    const form = /^arn:([^:]+):iam::([0-9]{12}):oidc-provider\/[!-~]+$/.exec(arn);
    if (form?.[1] !== partition) throw invalidArn(arn);
    // A provider has no policy of its own that could let another account in.
    if (form[2] !== caller.accountId) {
      throw new KmsError(
        'AccessDeniedException',
        `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${arn}`,
      );
    }
    return [{ action, resource: arn, conditions: resourceTags(await listTags(services.db, arn)) }];
  };
}

export async function requireProvider({ input, services }: ProviderCall): Promise<OidcProvider> {
  const { OpenIDConnectProviderArn: arn } = input;
  return (await findProvider(services.db, arn)) ?? refuse(arn);
}

/** Locked until the transaction ends. */
export async function lockNamedProvider(
  db: Queryable,
  { input }: ProviderCall,
): Promise<OidcProvider> {
  const { OpenIDConnectProviderArn: arn } = input;
  return (await lockProvider(db, arn)) ?? refuse(arn);
}

function refuse(arn: string): never {
  throw new KmsError('NoSuchEntity', `OpenIDConnect Provider not found for arn ${arn}`);
}

/** Each once. Throws InvalidInput, LimitExceeded. */
export function acceptClientIds(clientIds: readonly string[]): readonly string[] {
  refuseNul('A client id', clientIds);
  const unique = [...new Set(clientIds)];
  requireQuota('ClientIdsPerOpenIdConnectProvider', unique.length);
  return unique;
}

/**
 * Kept and answered, and without effect: the issuer's certificate is verified against the certificate authorities that
 * are trusted here, as AWS does by now.
 */
export function checkThumbprints(thumbprints: readonly string[]): void {
  if (thumbprints.length > maxThumbprints) {
    throw new KmsError(
      'InvalidInput',
      `Thumbprint list must contain fewer than ${maxThumbprints} entries.`,
    );
  }
  const bad = thumbprints.find((thumbprint) => !/^[0-9a-fA-F]{40}$/.test(thumbprint));
  if (bad !== undefined) {
    throw new KmsError('InvalidInput', `Thumbprint ${bad} is not 40 hexadecimal digits.`);
  }
}
