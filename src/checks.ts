import { KmsError } from './errors';
import { requireState } from './keys/states';
import type { AccountAction, Operation, Target, TargetedCall } from './operation';
import { authorizeAccountAction, authorizeKeyAction } from './policy/authorize';
import type { Principal } from './policy/principal';
import type { OperationName } from './shapes/operations';

export interface Permissions {
  readonly accountActions: readonly AccountAction[];
  readonly targets: readonly Target[];
  /** The operation works on keys of another account too. */
  readonly crossAccount: boolean;
  /** The operation is everybody's who could prove who he is. */
  readonly needsNoPermission?: boolean;
}

/** Every action that the request needs, each on what it needs it on. Throws AccessDeniedException. */
export function authorize(
  caller: Principal,
  { accountActions, targets, crossAccount, needsNoPermission = false }: Permissions,
): void {
  // Default-deny: an operation that asks for nothing is not authorized by having nothing to fail.
  if (!needsNoPermission && accountActions.length === 0 && targets.length === 0) {
    throw new KmsError('AccessDeniedException', 'No policy decides this operation.');
  }
  for (const { action, resource } of accountActions) {
    authorizeAccountAction(caller, action, resource);
  }
  for (const { key, action, deniedAs } of targets) {
    try {
      authorizeKeyAction(caller, action, { key, crossAccount });
    } catch (denied) {
      throw deniedAs ?? denied;
    }
  }
}

/** Usage before state before algorithm (kms-semantics §0, steps 8 to 11). */
export function requireUsable<N extends OperationName>(
  operation: Operation<N>,
  call: TargetedCall<N>,
): void {
  operation.identify?.(call);
  const { usage, state = 'any' } = operation.requires ?? {};
  for (const key of call.keys) {
    if (usage !== undefined && key.keyUsage !== usage) {
      throw new KmsError(
        'InvalidKeyUsageException',
        `${key.arn} key usage is ${key.keyUsage} which is not valid for ${operation.name}.`,
      );
    }
  }
  for (const key of call.keys) requireState(key, state);
  operation.verify?.(call);
}
