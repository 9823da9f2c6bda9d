import type { Queryable } from '../db';
import { PolicyError } from './policy';

const sessionArn = /^arn:([^:]+):sts::([0-9]{12}):assumed-role\/([^/]+)\/[^/]+$/;

/**
 * Refuses, with a PolicyError, a document with a principal that does not exist: a root of an unknown account, a user or
 * role, a role of a session, or a unique id that nobody has (kms-semantics §6.2). Groups are no principals.
 *
 * In a transaction whoever is named can be neither deleted nor renamed until it ends: deletion looks for policies that
 * name the deleted, and must find this one.
 */
export async function requirePrincipals(
  db: Queryable,
  principals: readonly string[],
): Promise<void> {
  const unknown = await unknownPrincipal(db, principals);
  if (unknown !== undefined) throw invalidPrincipal('AWS', unknown);
}

export function invalidPrincipal(kind: 'AWS' | 'SERVICE' | 'FEDERATED', name: string): PolicyError {
  return new PolicyError('principal', `Invalid principal in policy: "${kind}":"${name}"`);
}

/** The first of the AWS principals that does not exist. */
async function unknownPrincipal(
  db: Queryable,
  principals: readonly string[],
): Promise<string | undefined> {
  if (principals.length === 0) return undefined;
  const known = new Set([
    ...(await lockNamed(db, principals)),
    ...(await lockSessionRoles(db, principals)),
  ]);
  return principals.find((name) => !known.has(name));
}

async function lockNamed(db: Queryable, names: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ arn: string; principal_id: string; kind: string }>({
    name: 'principals-lock',
    text: `
      select arn, principal_id, kind from principal
      where (arn = any($1::text[]) or principal_id = any($1::text[])) and kind in ('root', 'user', 'role')
      order by principal_id for key share`,
    values: [names],
  });
  // An account's id is its root's, and no name of it in a compiled policy.
  return rows.flatMap((row) => (row.kind === 'root' ? [row.arn] : [row.arn, row.principal_id]));
}

/** The ARNs of sessions whose roles exist. */
async function lockSessionRoles(db: Queryable, names: readonly string[]): Promise<string[]> {
  const sessions = names.map((name) => sessionArn.exec(name)).filter((match) => match !== null);
  if (sessions.length === 0) return [];
  const rows = await db.query<{ arn: string }>({
    name: 'principals-lock-session-roles',
    text: `
      select s.arn
      from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as s(arn, partition, account_id, role)
      join principal p on p.account_id = s.account_id and p.kind = 'role' and p.name = s.role
        and split_part(p.arn, ':', 2) = s.partition
      order by p.principal_id for key share of p`,
    values: [0, 1, 2, 3].map((group) => sessions.map((match) => match[group] ?? '')),
  });
  return rows.map((row) => row.arn);
}
