import { KmsError } from '../errors';
import type { Denial, Layer } from './decide';
import type { Principal } from './principal';

/** How a denial names the policies that make it (kms-semantics §6.11). */
const layers = {
  identity: { explicit: 'an identity-based policy', implicit: 'no identity-based policy allows' },
  resource: { explicit: 'a resource-based policy', implicit: 'no resource-based policy allows' },
  boundary: {
    explicit: 'a permissions boundary',
    implicit: 'no permissions boundary allows',
  },
  session: { explicit: 'a session policy', implicit: 'no session policy allows' },
} as const satisfies Record<Layer, { explicit: string; implicit: string }>;

interface Denied {
  readonly action: string;
  readonly resource: string;
  readonly denial: NonNullable<Denial>;
}

/** AccessDeniedException in AWS's form for each reason (kms-semantics §6.11). */
export function accessDenied(caller: Principal, { action, resource, denial }: Denied): KmsError {
  // What another account's policy says is not told to strangers, nor that there is a resource.
  if (denial.foreign && denial.layer === 'resource') return hiddenKey(caller, action);
  const { explicit, implicit } = layers[denial.layer];
  const reason = denial.explicit
    ? `with an explicit deny in ${explicit}`
    : `because ${implicit} the ${action} action`;
  return denied(`${subject(caller, action)} on resource: ${resource} ${reason}`);
}

/** The answer for a key of another account, there or not: existence is hidden (kms-semantics §2.4, §6.11). */
export function hiddenKey(caller: Principal, action: string): KmsError {
  return denied(
    `${subject(caller, action)} on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
  );
}

/** The answer for a role, there or not. STS tells no reason, and who has no account is not named. */
export function roleDenied(caller: Principal, action: string, roleArn: string): KmsError {
  return denied(
    caller.kind === 'web-identity'
      ? `Not authorized to perform ${action}`
      : `${subject(caller, action)} on resource: ${roleArn}`,
  );
}

function subject(caller: Principal, action: string): string {
  return `User: ${caller.arn} is not authorized to perform: ${action}`;
}

function denied(message: string): KmsError {
  return new KmsError('AccessDeniedException', message);
}
