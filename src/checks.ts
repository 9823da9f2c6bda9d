import type { Awaitable } from './awaitable';
import { KmsError } from './errors';
import { contextConditions, keyConditions, keyLabels } from './keys/conditions';
import { requireState } from './keys/states';
import type { AccountAction, Call, Operation, Target, TargetedCall } from './operation';
import { accessDenied, hiddenKey, roleDenied } from './policy/authorize';
import { type ConditionLayer, type RequestFacts, requestContext } from './policy/context';
import {
  type Denial,
  type Matter,
  type Owner,
  type Weighed,
  decide,
  decideByGrant,
  weigh,
} from './policy/decide';
import { askGrants, granteeNames, isGrantable } from './policy/grants';
import type { Conditions, PrincipalMatch } from './policy/policy';
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
  return authorizeTargets(asker, targets, crossAccount);
}

/** One after the other: which of them is refused must not depend on whose grants are found sooner. */
function authorizeTargets(
  asker: Asker,
  targets: readonly Target[],
  crossAccount: boolean,
): Awaitable<void> {
  for (const [at, target] of targets.entries()) {
    const looking = authorizeTarget(asker, target, crossAccount);
    if (looking instanceof Promise) {
      return looking.then(() => authorizeTargets(asker, targets.slice(at + 1), crossAccount));
    }
  }
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

function authorizeTarget(asker: Asker, target: Target, crossAccount: boolean): Awaitable<void> {
  const { caller } = asker.call;
  const { key, action } = target;
  if (!crossAccount && isForeign(asker, target)) throw refusal(hiddenKey(caller, action), target);
  const weighed = weighOnKey(asker, target);
  const denial = decide(weighed);
  if (denial === undefined) return;
  const denied = (left: NonNullable<Denial>): KmsError =>
    refusal(accessDenied(caller, { action, resource: key.arn, denial: left }), target);
  if (denial.explicit || target.decidedBy !== undefined || !isGrantable(action)) {
    throw denied(denial);
  }
  const settle = (match: PrincipalMatch): void => {
    const left = match === 'none' ? denial : decideByGrant(weighed, match);
    if (left !== undefined) throw denied(left);
  };
  const granted = matchByGrant(asker, target);
  if (granted instanceof Promise) return granted.then(settle);
  settle(granted);
}

/** How the grants of the key name the caller for this action. */
function matchByGrant({ call }: Asker, target: Target): Awaitable<PrincipalMatch> {
  const { caller, origin, services } = call;
  const names = principalNames(caller, services.place);
  const question = {
    action: target.action,
    encryptionContext: target.encryptionContext,
    sourceArn: caller.kind === 'service' ? origin.sourceArn : undefined,
    child: target.childGrant,
  };
  const grants = services.grantFinder.of(target.key.keyId, granteeNames(names));
  return grants instanceof Promise
    ? grants.then((found) => askGrants(found, question, names))
    : askGrants(grants, question, names);
}

function refusal(denied: KmsError, { deniedAs }: Target): KmsError {
  return deniedAs ?? denied;
}

/** Operations of one account alone have no effect on another's keys, whatever their policies say (kms-semantics §2.4). */
function isForeign({ call: { caller } }: Asker, { key }: Target): boolean {
  return caller.kind !== 'service' && caller.accountId !== key.accountId;
}

/** What every policy says of an action on a key: PutKeyPolicy asks it of policies that are not in force yet. */
export function decideOnKey(asker: Asker, target: Target): Denial {
  return decide(weighOnKey(asker, target));
}

function weighOnKey(asker: Asker, target: Target): Weighed {
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
      ...deciding(asker, target),
      context: requestContext(factsOf(asker), layers),
    },
  };
  return weigh(matter);
}

/** Whose policy has its word on the target, and in which account it counts as one of the resource. */
function deciding(
  { call: { caller } }: Asker,
  { key, decidedBy }: Target,
): Pick<Owner, 'accountId' | 'policy'> {
  return decidedBy === undefined
    ? { accountId: key.accountId, policy: key.policy }
    : { accountId: caller.accountId, policy: decidedBy };
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
