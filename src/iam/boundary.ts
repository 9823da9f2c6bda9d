import type { Queryable } from '../db';
import { KmsError } from '../errors';
import type { Place } from '../keys/identifiers';
import { parsePolicyArn } from './arns';
import { findPolicy, lockPolicy } from './managed-policies';

/**
 * The id of the managed policy that is to bound what an entity of the account may do. Throws NoSuchEntity for a policy
 * that does not exist or is another account's, ValidationException for what is no policy's ARN.
 */
export async function requireBoundary(
  db: Queryable,
  place: Place,
  { accountId, arn }: { readonly accountId: string; readonly arn: string },
): Promise<string> {
  const policy = await findPolicy(db, accountId, parsePolicyArn(place, arn));
  if (policy === undefined || !(await lockPolicy(db, policy.policyId, 'use'))) {
    throw new KmsError('NoSuchEntity', `Scope ARN: ${arn} does not exist or is not attachable.`);
  }
  return policy.policyId;
}

/** The caller holds the entity's lock, and the policy's. */
export async function setBoundary(
  db: Queryable,
  entityId: string,
  policyId: string | undefined,
): Promise<void> {
  await db.execute({
    name: 'boundary-set',
    text: 'update principal set boundary_policy_id = $2::text where principal_id = $1::text',
    values: [entityId, policyId ?? null],
  });
}
