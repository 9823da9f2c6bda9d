import type { Queryable } from '../db';
import { KmsError } from '../errors';
import type { Place } from '../keys/identifiers';
import { readTrustPolicy } from './documents';

interface Trust {
  /** The account of the role. */
  readonly accountId: string;
  readonly document: string;
}

/**
 * Throws MalformedPolicyDocument for what is no trust policy, or names somebody who does not exist; LimitExceeded for one
 * that is too long. Whoever it names cannot be deleted until the transaction ends: deletion looks for trust policies that
 * name the deleted, and must find this one.
 */
export async function checkTrustPolicy(
  db: Queryable,
  place: Place,
  { accountId, document }: Trust,
): Promise<void> {
  const policy = readTrustPolicy(document, place);
  const sessions = policy.principals.filter((name) => name.split(':', 3)[2] === 'sts');
  const known = new Set([
    ...(await lockPrincipals(db, [...policy.principals, ...policy.services])),
    ...(await lockSessionRoles(db, place, sessions)),
    ...(await lockProviders(db, accountId, policy.federated)),
  ]);
  refuseUnknown('AWS', policy.principals, known);
  refuseUnknown('SERVICE', policy.services, known);
  refuseUnknown('FEDERATED', policy.federated, known);
}

function refuseUnknown(kind: string, named: readonly string[], known: ReadonlySet<string>): void {
  const unknown = named.find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new KmsError(
    'MalformedPolicyDocument',
    `Invalid principal in policy: "${kind}":"${unknown}"`,
  );
}

/** Which of them are roots, users, roles and services that exist: by ARN, unique id or a service's name. */
async function lockPrincipals(db: Queryable, names: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ arn: string; principal_id: string }>({
    name: 'trust-principals',
    text: `
      select arn, principal_id from principal
      where (arn = any($1::text[]) or principal_id = any($1::text[])) and kind <> 'group'
      order by principal_id for key share`,
    values: [names],
  });
  return rows.flatMap((row) => [row.arn, row.principal_id]);
}

/** Which ARNs of sessions are of roles that exist. Of a federated user its account must. */
async function lockSessionRoles(
  db: Queryable,
  { partition }: Place,
  arns: readonly string[],
): Promise<string[]> {
  if (arns.length === 0) return [];
  const parts = arns.map((arn) => arn.split(/[:/]/));
  const rows = await db.query<{ arn: string }>({
    name: 'trust-sessions',
    text: `
      select s.arn from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as s(arn, account_id, kind, name)
      join principal p on p.account_id = s.account_id and case
        when s.kind = 'assumed-role' then p.kind = 'role' and p.name = s.name
        else p.kind = 'root' end
      order by p.principal_id for key share of p`,
    values: [
      arns,
      // arn:<partition>:sts::<account>:<kind>/<name>/<session>
      parts.map((part) => (part[1] === partition ? part[4] : undefined) ?? ''),
      parts.map((part) => part[5] ?? ''),
      parts.map((part) => part[6] ?? ''),
    ],
  });
  return rows.map((row) => row.arn);
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
