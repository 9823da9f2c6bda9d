import type { Awaitable } from './awaitable';
import { KmsError } from './errors';
import { contextConditions, keyConditions, keyLabels } from './keys/conditions';
import { requireState } from './keys/states';
import type { AccountAction, Call, Operation, Target, TargetedCall } from './operation';
import { accessDenied, hiddenKey, roleDenied } from './policy/authorize';
import { type ConditionLayer, type RequestFacts, requestContext } from './policy/context';
import { type Denial, type Matter, decide, weigh } from './policy/decide';
import type { Conditions } from './policy/policy';
import { principalNames } from './policy/names';
import type { OperationName } from './shapes/operations';

/** Who asks for what, and what the operation supplies to policies. */
export interface Asker {
  readonly call: Pick<Call<OperationName>, 'caller' | 'identity' | 'services' | 'origin' | 'now'>;
  readonly conditions: Conditions | undefined;
}

export interface Permissions {
  readonly accountActions: readonly AccountAction[];
  readonly targets: readonly Target[];
  /** The operation works on keys of another account too. */
  readonly crossAccount: boolean;
  readonly needsNoPermission: boolean;
}

/**
 * Every action that the request needs, each on what it needs it on. Throws AccessDeniedException, at once unless a grant
 * has to be looked for.
 */
export function authorize(asker: Asker, permissions: Permissions): Awaitable<void> {
  const { accountActions, targets, crossAccount, needsNoPermission } = permissions;
  // Default-deny: an operation that asks for nothing is not authorized by having nothing to fail.
  if (accountActions.length === 0 && targets.length === 0 && !needsNoPermission) {
    throw new KmsError('AccessDeniedException', 'No policy decides this operation.');
  }
  for (const action of accountActions) authorizeAccountAction(asker, action);
  for (const target of targets) authorizeTarget(asker, target, crossAccount);
}

function authorizeAccountAction(asker: Asker, asked: AccountAction): void {
  const { caller } = asker.call;
  const { action, resource, resourcePolicy } = asked;
  const context = requestContext(factsOf(asker), [asked.conditions, asker.conditions]);
  const denial = decide(
    weigh({
      ...matterOf(asker, asked),
      context,
      ...(resourcePolicy && { owner: { ...resourcePolicy, context } }),
    }),
  );
  if (denial === undefined) return;
  if (resourcePolicy !== undefined) throw roleDenied(caller, action, resource);
  throw accessDenied(caller, { action, resource, denial });
}

function authorizeTarget(asker: Asker, target: Target, crossAccount: boolean): void {
  const { caller } = asker.call;
  const { key, action, deniedAs } = target;
  const denial = decideOnKey(asker, target);
  if (denial === undefined && (crossAccount || !denialIsForeign(asker, target))) return;
  if (deniedAs !== undefined) throw deniedAs;
  if (denial === undefined) throw hiddenKey(caller, action);
  throw accessDenied(caller, { action, resource: key.arn, denial });
}

/** Operations of one account alone have no effect on another's keys, whatever their policies say (kms-semantics §2.4). */
function denialIsForeign({ call: { caller } }: Asker, { key }: Target): boolean {
  return caller.kind !== 'service' && caller.accountId !== key.accountId;
}

/** What every policy says of an action on a key: PutKeyPolicy asks it of policies that are not in force yet. */
export function decideOnKey(asker: Asker, target: Target): Denial {
  const { key } = target;
  const layers: ConditionLayer[] = [
    target.conditions,
    asker.conditions,
    () => targetConditions(asker, target),
  ];
  const matter: Matter = {
    ...matterOf(asker, { action: target.action, resource: key.arn }),
    context: requestContext(factsOf(asker), [...layers, () => keyLabels(key)]),
    owner: {
      accountId: key.accountId,
      policy: key.policy,
      context: requestContext(factsOf(asker), layers),
    },
  };
  return decide(weigh(matter));
}

function targetConditions(asker: Asker, target: Target): Conditions {
  return {
    ...keyConditions(target.key, asker.call.caller),
    ...contextConditions(target.encryptionContext),
    'kms:RequestAlias': target.requestAlias,
  };
}

function factsOf({ call }: Asker): RequestFacts {
  const { caller, identity, origin, now, services } = call;
  return { caller, identity, origin, now, region: services.place.region };
}

function matterOf(
  { call: { caller, identity, services } }: Asker,
  { action, resource }: Pick<AccountAction, 'action' | 'resource'>,
): Omit<Matter, 'context'> {
  return { caller, identity, names: principalNames(caller, services.place), action, resource };
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
