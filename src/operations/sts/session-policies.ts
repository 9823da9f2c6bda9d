import { KmsError } from '../../errors';
import { policyDocument } from '../../iam/managed-policies';
import type { Services } from '../../operation';
import { compileIdentityPolicy } from '../../policy/compile';
import { type Policy, PolicyError } from '../../policy/policy';
import type { AssumeRoleRequest } from '../../shapes/sts.generated';

/** AWS's bounds of what a request brings, before it is packed. */
const maxPlaintext = 2048;
const maxManaged = 10;

type Given = Pick<AssumeRoleRequest, 'Policy' | 'PolicyArns'>;

/** The bounds that the shapes do not hold. */
export function checkSessionPolicies({ Policy, PolicyArns = [] }: Given): void {
  if (PolicyArns.length > maxManaged) {
    throw tooLong(JSON.stringify(PolicyArns.map(({ arn }) => arn)), 'policyArns', maxManaged);
  }
  const length = PolicyArns.reduce((sum, { arn = '' }) => sum + arn.length, Policy?.length ?? 0);
  if (length > maxPlaintext) throw tooLong(Policy ?? '', 'policy', maxPlaintext);
}

/**
 * Inline and managed session policies, as they are now: what becomes of a managed one later does not change the session.
 * Throws MalformedPolicyDocument and NoSuchEntity.
 */
export async function sessionPolicies(
  { Policy: inline, PolicyArns: managed = [] }: Given,
  { services, accountId }: { readonly services: Services; readonly accountId: string },
): Promise<readonly Policy[]> {
  const texts = await Promise.all(
    managed.map(({ arn }) => managedPolicy(arn ?? '', { services, accountId })),
  );
  return [...(inline === undefined ? [] : [inline]), ...texts].map(compile);
}

async function managedPolicy(
  arn: string,
  { services, accountId }: { readonly services: Services; readonly accountId: string },
): Promise<string> {
  // Those of the role's account, and AWS's own.
  const owner = arn.split(':', 5)[4];
  const known = owner === accountId || owner === 'aws';
  const document = known ? await policyDocument(services.db, arn) : undefined;
  if (document !== undefined) return document;
  throw new KmsError('NoSuchEntity', `Policy ${arn} does not exist or is not attachable.`);
}

function compile(text: string): Policy {
  try {
    return compileIdentityPolicy(text);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new KmsError('MalformedPolicyDocument', error.message, { cause: error });
  }
}

function tooLong(value: string, member: string, most: number): KmsError {
  return new KmsError(
    'ValidationException',
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: Member must have length less than or equal to ${most}`,
  );
}
