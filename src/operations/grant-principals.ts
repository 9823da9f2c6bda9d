import type { Queryable } from '../db';
import { type KmsError, refusedMember } from '../errors';
import type { Place } from '../keys/identifiers';

/** A role's session in an ARN: the role's name without its path, and the session's. */
const sessionForm =
  /^arn:([^:]+):sts::([0-9]{12}):assumed-role\/([\w+=,.@-]{1,64})\/[\w+=,.@-]{2,64}$/;

/**
 * Throws InvalidArnException unless the ARN is of a root, user or role that exists, or of a session of such a role. Groups
 * are none, nor are services, which have members of their own. It is locked against deletion until the transaction ends.
 */
export async function requirePrincipal(
  db: Queryable,
  place: Place,
  { arn, member }: { readonly arn: string; readonly member: string },
): Promise<void> {
  const [, partition, accountId, roleName] = sessionForm.exec(arn) ?? [];
  const found =
    partition === place.partition
      ? await db.query({
          name: 'grant-principal-role',
          text: `
            select principal_id from principal
            where account_id = $1::text and kind = 'role' and name = $2::text for key share`,
          values: [accountId, roleName],
        })
      : await db.query({
          name: 'grant-principal',
          text: `
            select principal_id from principal
            where arn = $1::text and kind in ('root', 'user', 'role') for key share`,
          values: [arn],
        });
  if (found.length === 0) throw noPrincipal(member, arn);
}

/** Throws InvalidArnException unless it is the name of a registered service. */
export async function requireService(
  db: Queryable,
  { name, member }: { readonly name: string; readonly member: string },
): Promise<void> {
  const found = name.includes('\0')
    ? []
    : await db.query({
        name: 'grant-principal-service',
        text: `
          select principal_id from principal
          where principal_id = $1::text and kind = 'service' for key share`,
        values: [name],
      });
  if (found.length === 0) throw noPrincipal(member, name);
}

function noPrincipal(member: string, name: string): KmsError {
  const message = `${name} does not refer to a valid principal.`;
  const detail = 'must name a principal that exists';
  return refusedMember('InvalidArnException', member, message, detail);
}
