import type { ApiTokenFacts } from '../../auth/api-token-rows';
import { apiTokenHolder } from '../../auth/api-tokens';
import type { KmsError } from '../../errors';
import type { Place } from '../../keys/identifiers';
import type { AccountAction, Call } from '../../operation';
import type { ResourcePolicy } from '../../policy/policy';
import type { Principal } from '../../policy/principal';
import type { OperationName } from '../../shapes';
import type { ApiToken } from '../../shapes/claviger.generated';

export type TokenAction = `claviger:${'Create' | 'List' | 'Delete'}ApiToken${'' | 's'}`;

/** Whose token, as its ARN has it: aws:userid of who made it, or a pattern of that. */
type Holder = string;

/**
 * `…:api-token/<aws:userid>/<token id>`: a policy names everybody's own by `api-token/${aws:userid}/*`, and all of an account's
 * by `api-token/*`.
 */
function apiTokenArn(
  { partition, region }: Place,
  { accountId, holder, tokenId }: { accountId: string; holder: Holder; tokenId: string },
): string {
  return `arn:${partition}:claviger:${region}:${accountId}:api-token/${holder}/${tokenId}`;
}

type AnyCall = Pick<Call<OperationName>, 'caller' | 'services'>;

/** What a caller asks of tokens of its own; `*` of those that have no id yet, and of all. */
export function onOwnTokens(
  { caller, services }: AnyCall,
  { action, tokenId = '*' }: { readonly action: TokenAction; readonly tokenId?: string },
): AccountAction {
  const { accountId, principalId: holder } = caller;
  const resource = apiTokenArn(services.place, { accountId, holder, tokenId });
  // Identity policies decide, but for a service, which has none: its own are its own.
  if (caller.kind !== 'service') return { action, resource };
  return { action, resource, resourcePolicy: { policy: ownTokens, accountId } };
}

const ownTokens: ResourcePolicy = {
  text: '',
  principals: [],
  ask: () => ({ denied: false, allowed: 'caller' }),
};

/** What a caller asks of others' tokens, and what it is told when it may not: never whose they are. */
export function onOthersTokens(
  { caller, services }: AnyCall,
  asked: {
    readonly action: TokenAction;
    readonly holder: Holder;
    readonly tokenId?: string;
    readonly deniedAs: KmsError;
  },
): AccountAction {
  const { action, holder, tokenId = '*', deniedAs } = asked;
  const { accountId } = caller;
  return {
    action,
    resource: apiTokenArn(services.place, { accountId, holder, tokenId }),
    deniedAs,
  };
}

/** A token as it is shown, again and again: without what it is. */
export function describeApiToken(facts: ApiTokenFacts): ApiToken {
  const { tokenId, name, createdAt, expiresAt, lastUsedAt, policy } = facts;
  return {
    TokenId: tokenId,
    ...(name !== undefined && { Name: name }),
    PrincipalArn: apiTokenHolder(facts),
    CreationDate: createdAt,
    ExpirationDate: expiresAt,
    ...(lastUsedAt && { LastUsedDate: lastUsedAt }),
    ...(policy !== undefined && { Policy: policy }),
  };
}

export function isOwn({ callerId }: Pick<ApiTokenFacts, 'callerId'>, caller: Principal): boolean {
  return callerId === caller.principalId;
}
