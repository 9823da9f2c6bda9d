import { decideOnKey } from '../checks';
import type { Queryable } from '../db';
import { KmsError, atMember, refusedMember } from '../errors';
import type { Place } from '../keys/identifiers';
import type { Key } from '../keys/key';
import type { Limits } from '../keys/limits';
import type { TargetedCall } from '../operation';
import { compileKeyPolicy, formatPolicy } from '../policy/compile';
import { type PolicyFault, PolicyError } from '../policy/policy';
import { requirePrincipals } from '../policy/principals';

/** The only name that a key policy has. */
export const policyName = 'default';

interface Given {
  readonly text: string;
  readonly place: Place;
  readonly limits: Limits;
}

/**
 * A caller's key policy as it is stored and shown: AWS's layout, principals that exist. Throws
 * MalformedPolicyDocumentException, InvalidArnException or LimitExceededException (kms-semantics §6.2).
 */
export async function acceptKeyPolicy(
  db: Queryable,
  { text, place, limits }: Given,
): Promise<string> {
  if (Buffer.byteLength(text) > limits.keyPolicyBytes) {
    throw refusedMember(
      'LimitExceededException',
      'Policy',
      `The key policy is larger than ${limits.keyPolicyBytes} bytes.`,
    );
  }
  try {
    const { principals } = compileKeyPolicy(text, place);
    await requirePrincipals(db, principals);
    return formatPolicy(text, place);
  } catch (error) {
    if (error instanceof PolicyError) throw refusal(error);
    throw error;
  }
}

/** Refuses a policy under which the caller could not put another (kms-semantics §6.2). */
export function requireNoLockout(
  call: TargetedCall<'CreateKey'> | TargetedCall<'PutKeyPolicy'>,
  key: Key,
): void {
  if (call.input.BypassPolicyLockoutSafetyCheck === true) return;
  const denial = decideOnKey({ call, conditions: undefined }, { key, action: 'kms:PutKeyPolicy' });
  if (denial === undefined) return;
  throw refusedMember(
    'MalformedPolicyDocumentException',
    'Policy',
    'The new key policy will not allow you to update the key policy in the future.',
  );
}

function refusal(error: PolicyError): KmsError {
  const [code, message = error.message] = refusals[error.fault];
  // The fault's own text may have a principal in it, which is somebody's.
  const detail = message === '' ? error.message : message;
  return new KmsError(code, message, { ...atMember('Policy', detail), cause: error });
}

/** Undefined: the fault's own text. */
const refusals = {
  syntax: ['MalformedPolicyDocumentException', ''],
  principal: [
    'MalformedPolicyDocumentException',
    'Policy contains a statement with one or more invalid principals.',
  ],
  arn: ['InvalidArnException', 'An ARN in the specified key policy is invalid.'],
  'overly-permissive': ['MalformedPolicyDocumentException', undefined],
} as const satisfies Record<PolicyFault, readonly [KmsError['code'], string | undefined]>;
