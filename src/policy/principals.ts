import type { Queryable } from '../db';
import { PolicyError } from './policy';

const sessionArn = /^arn:[^:]+:sts::([0-9]{12}):assumed-role\/([^/]+)\/[^/]+$/;

/**
 * Refuses, with a PolicyError, a document with a principal that does not exist: a root of an unknown account, a user or
 * role, a role of a session, or a unique id that nobody has (kms-semantics §6.2). Groups are no principals.
 */
export async function requirePrincipals(
  db: Queryable,
  principals: readonly string[],
): Promise<void> {
  const unknown = await unknownPrincipal(db, principals);
  if (unknown !== undefined) {
    throw new PolicyError('principal', `Invalid principal in policy: "AWS":"${unknown}"`);
  }
}

/** The first of the AWS principals that does not exist. */
export async function unknownPrincipal(
  db: Queryable,
  principals: readonly string[],
): Promise<string | undefined> {
  const sessions = principals.map((name) => sessionArn.exec(name));
  const [row] = await db.query<{ name: string }>({
    name: 'principals-unknown',
    text: `
      select wanted.name
      from unnest($1::text[], $2::text[], $3::text[]) with ordinality as wanted(name, account_id, role, position)
      where not exists (
        select from principal p
        where p.kind in ('root', 'user', 'role') and case
          when wanted.role is null then p.arn = wanted.name or p.principal_id = wanted.name
          else p.kind = 'role' and p.account_id = wanted.account_id and p.name = wanted.role
        end
      )
      order by wanted.position limit 1`,
    values: [
      principals,
      sessions.map((session) => session?.[1] ?? null),
      sessions.map((session) => session?.[2] ?? null),
    ],
  });
  return row?.name;
}
