import { KmsError } from '../errors';
import type { Key } from '../keys/key';
import type { Principal } from './principal';

/**
 * May the caller do an action that has no key (CreateKey, ListKeys …)? Identity policies decide that; until there are
 * any, only an account's root may. Throws AccessDeniedException (kms-semantics §6.11).
 */
export function authorizeAccountAction(caller: Principal, action: string, resource = '*'): void {
  if (caller.kind !== 'root') throw noIdentityPolicy(caller, action, resource);
}

/**
 * May the caller do an action on a key? Default is no. Throws AccessDeniedException in AWS's form for each reason.
 * A caller of another account needs an operation that works across accounts, the key policy's word, and its own
 * account's, which only its root has while there are no identity policies (kms-semantics §6.4).
 */
export function authorizeKeyAction(
  caller: Principal,
  action: string,
  { key, crossAccount }: { readonly key: Key; readonly crossAccount: boolean },
): void {
  const decision = key.policy.decide(caller, action);
  if (caller.accountId !== key.accountId) {
    if (crossAccount && decision === 'allow' && caller.kind === 'root') return;
    throw hiddenKey(caller, action);
  }
  if (decision === 'allow') return;
  if (decision === 'explicit-deny') {
    throw denied(
      `${subject(caller, action)} on resource: ${key.arn} with an explicit deny in a resource-based policy`,
    );
  }
  if (decision === 'delegated') throw noIdentityPolicy(caller, action, key.arn);
  throw denied(
    `${subject(caller, action)} on resource: ${key.arn} because no resource-based policy allows the ${action} action`,
  );
}

/** The answer for a key of another account, there or not: existence is hidden (kms-semantics §2.4, §6.11). */
export function hiddenKey(caller: Principal, action: string): KmsError {
  return denied(
    `${subject(caller, action)} on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
  );
}

function noIdentityPolicy(caller: Principal, action: string, resource: string): KmsError {
  return denied(
    `${subject(caller, action)} on resource: ${resource} because no identity-based policy allows the ${action} action`,
  );
}

function subject(caller: Principal, action: string): string {
  return `User: ${caller.arn} is not authorized to perform: ${action}`;
}

function denied(message: string): KmsError {
  return new KmsError('AccessDeniedException', message);
}
