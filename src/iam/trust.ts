import type { Queryable } from '../db';
import type { Place } from '../keys/identifiers';
import { invalidPrincipal, requirePrincipals } from '../policy/principals';
import { orMalformed, readTrustPolicy } from './documents';

interface Trust {
  /** The account of the role. */
  readonly accountId: string;
  readonly document: string;
}

/**
 * Throws MalformedPolicyDocument for what is no trust policy, or names somebody who does not exist; LimitExceeded for one
 * that is too long. Until the transaction ends, whoever is named can be neither deleted nor renamed.
 */
export async function checkTrustPolicy(
  db: Queryable,
  place: Place,
  { accountId, document }: Trust,
): Promise<void> {
  const { principals, services, federated } = readTrustPolicy(document, place);
  await orMalformed(async () => {
    await requirePrincipals(db, principals);
    refuseUnknown('SERVICE', services, await lockServices(db, services));
    refuseUnknown('FEDERATED', federated, await lockProviders(db, accountId, federated));
  });
}

function refuseUnknown(
  kind: 'SERVICE' | 'FEDERATED',
  named: readonly string[],
  known: readonly string[],
): void {
  const unknown = named.find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalidPrincipal(kind, unknown);
}

/** Which of them are registered. */
async function lockServices(db: Queryable, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const rows = await db.query<{ principal_id: string }>({
    name: 'trust-services',
    text: `
      select principal_id from principal
      where principal_id = any($1::text[]) and kind = 'service'
      order by principal_id for key share`,
    values: [names],
  });
  return rows.map((row) => row.principal_id);
}

/** An account can trust its own providers only. */
async function lockProviders(
  db: Queryable,
  accountId: string,
  arns: readonly string[],
): Promise<string[]> {
  if (arns.length === 0) return [];
  const rows = await db.query<{ arn: string }>({
    name: 'trust-providers',
    text: `
      select arn from oidc_provider
      where arn = any($1::text[]) and account_id = $2::text order by arn for key share`,
    values: [arns, accountId],
  });
  return rows.map((row) => row.arn);
}
