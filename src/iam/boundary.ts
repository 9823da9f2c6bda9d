import type { Queryable } from '../db';
import { KmsError } from '../errors';
import type { Place } from '../keys/identifiers';
import { parsePolicyArn } from './arns';

/**
 * The id of the managed policy that is to bound what an entity of the account may do. Throws NoSuchEntity for a policy
 * that does not exist or is another account's, InvalidInput for what is no policy's ARN.
 */
export async function requireBoundary(
  db: Queryable,
  place: Place,
  { accountId, arn }: { readonly accountId: string; readonly arn: string },
): Promise<string> {
  const policy = parsePolicyArn(place, arn);
  const [row] = await db.query<{ policy_id: string }>({
    name: 'boundary-find',
    text: `
      select policy_id from managed_policy
      where coalesce(account_id, '') = $1::text and lower(name) = lower($2::text) and path = $3::text
      for key share`,
    values: [policy.accountId ?? '', policy.name, policy.path],
  });
  const own = policy.accountId === undefined || policy.accountId === accountId;
  if (row === undefined || !own) {
    throw new KmsError('NoSuchEntity', `Scope ARN: ${arn} does not exist or is not attachable.`);
  }
  return row.policy_id;
}
