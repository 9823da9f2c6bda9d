import { accountOf } from './audit';
import type { Awaitable } from './awaitable';
import type { Queryable } from './db';
import { KmsError } from './errors';
import { callerConditions, contextConditions, keyConditions, keyLabels } from './keys/conditions';
import type { Grant } from './keys/grants';
import { requireState } from './keys/states';
import type { AccountAction, Call, Operation, Target, TargetedCall } from './operation';
import { accessDenied, hiddenKey, roleDenied } from './policy/authorize';
import { type ConditionLayer, type RequestFacts, requestContext } from './policy/context';
import {
  type Denial,
  type Matter,
  type Weighed,
  decide,
  decideByGrant,
  weigh,
} from './policy/decide';
import { type GrantQuestion, askGrants, granteeNames, isGrantable } from './policy/grants';
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
  /** The transaction of a change, which holds the locks of its keys. */
  readonly lockedIn?: Queryable;
}

/**
 * Every action that the request needs, each on what it needs it on. Throws AccessDeniedException, at once unless a grant
 * has to be looked for.
 */
export function authorize(asker: Asker, permissions: Permissions): Awaitable<void> {
  const { accountActions, targets, needsNoPermission } = permissions;
  // Default-deny: an operation that asks for nothing is not authorized by having nothing to fail.
  if (accountActions.length === 0 && targets.length === 0 && !needsNoPermission) {
    throw new KmsError('AccessDeniedException', 'No policy decides this operation.');
  }
  for (const action of accountActions) authorizeAccountAction(asker, action);
  return authorizeTargets(asker, permissions, targets);
}

/** One after the other, so that the first refusal is the answer, whether or not a grant had to be looked for. */
function authorizeTargets(
  asker: Asker,
  permissions: Permissions,
  targets: readonly Target[],
): Awaitable<void> {
  for (const [index, target] of targets.entries()) {
    const authorizing = authorizeTarget(asker, permissions, target);
    if (authorizing instanceof Promise) {
      const rest = targets.slice(index + 1);
      return authorizing.then(() => authorizeTargets(asker, permissions, rest));
    }
  }
}

function authorizeAccountAction(asker: Asker, asked: AccountAction): void {
  const { caller } = asker.call;
  const { action, resource, resourcePolicy } = asked;
  const layers = [
    asked.conditions,
    asker.conditions,
    () => ({ 'aws:ResourceAccount': accountOf(resource, caller.accountId) }),
  ];
  const context = requestContext(factsOf(asker), layers);
  const denial = decide(
    weigh({
      ...matterOf(asker, asked),
      context,
      ...(resourcePolicy && { owner: { ...resourcePolicy, context } }),
    }),
  );
  if (denial === undefined) return;
  if (asked.elseAsked !== undefined) authorizeAccountAction(asker, asked.elseAsked);
  if (asked.deniedAs !== undefined) throw asked.deniedAs;
  if (resourcePolicy !== undefined) throw roleDenied(caller, action, resource);
  throw accessDenied(caller, { action, resource, denial });
}

function authorizeTarget(asker: Asker, permissions: Permissions, target: Target): Awaitable<void> {
  if (!permissions.crossAccount && isForeign(asker, target)) throw refusal(asker, target);
  const matter = matterOnKey(asker, target);
  const weighed = weighTarget(asker, target, matter);
  const denial = decide(weighed);
  if (denial === undefined) return;
  const byGrants = !denial.explicit && target.decidedBy === undefined;
  if (!byGrants || !isGrantable(target.action)) throw refusal(asker, target, denial);
  const settle = (grants: readonly Grant[]): void => {
    const match = askGrants(grants, grantQuestion(target, matter), matter.names);
    const left = match === 'none' ? denial : decideByGrant(weighed, match);
    if (left !== undefined) throw refusal(asker, target, left);
  };
  const found = grantsFor(asker, permissions, { target, matter });
  if (found instanceof Promise) return found.then(settle);
  settle(found);
}

/** What no policy can be asked is told of keys alone that the caller may know of. */
function weighTarget(asker: Asker, target: Target, matter: Matter): Weighed {
  try {
    return weigh(matter);
  } catch (thrown) {
    const hidden = isForeign(asker, target) || target.deniedAs !== undefined;
    throw hidden && thrown instanceof KmsError ? refusal(asker, target) : thrown;
  }
}

/** The caller's grants for the key: of a change as they are in its transaction, else as the worker knows them. */
function grantsFor(
  { call: { services } }: Asker,
  { lockedIn }: Permissions,
  { target, matter }: { readonly target: Target; readonly matter: Matter },
): Awaitable<readonly Grant[]> {
  const { grantFinder } = services;
  const { keyId } = target.key;
  const grantees = granteeNames(matter.names);
  return lockedIn === undefined
    ? grantFinder.of(keyId, grantees)
    : grantFinder.now(lockedIn, keyId, grantees);
}

function grantQuestion(target: Target, { action, context }: Matter): GrantQuestion {
  const sourceArn = context.get('aws:sourcearn');
  return {
    action,
    encryptionContext: target.encryptionContext,
    child: target.childGrant,
    ...(typeof sourceArn === 'string' ? { sourceArn } : {}),
  };
}

function refusal({ call: { caller } }: Asker, target: Target, denial?: Denial): KmsError {
  const { key, action, deniedAs } = target;
  if (deniedAs !== undefined) return deniedAs;
  if (denial === undefined) return hiddenKey(caller, action);
  return accessDenied(caller, { action, resource: key.arn, denial });
}

/** Operations of one account alone have no effect on another's keys, whatever their policies say (kms-semantics §2.4). */
function isForeign({ call: { caller } }: Asker, { key }: Target): boolean {
  return caller.kind !== 'service' && caller.accountId !== key.accountId;
}

/** What every policy says of an action on a key: PutKeyPolicy asks it of policies that are not in force yet. */
export function decideOnKey(asker: Asker, target: Target): Denial {
  return decide(weigh(matterOnKey(asker, target)));
}

function matterOnKey(asker: Asker, target: Target): Matter {
  const { key, decidedBy } = target;
  const layers: ConditionLayer[] = [
    target.conditions,
    asker.conditions,
    () => targetConditions(asker, target),
  ];
  const { caller, identity, services } = asker.call;
  const facts = factsOf(asker);
  // Written out: members that follow a spread cost V8 a microsecond each, and every request passes here.
  return {
    caller,
    identity,
    names: principalNames(caller, services.place),
    action: target.action,
    resource: key.arn,
    context: requestContext(facts, [...layers, () => keyLabels(key)]),
    owner: {
      accountId: decidedBy === undefined ? key.accountId : caller.accountId,
      policy: decidedBy ?? key.policy,
      context: requestContext(facts, layers),
    },
  };
}

function targetConditions({ call: { caller, services } }: Asker, target: Target): Conditions {
  return {
    ...keyConditions(target.key),
    ...callerConditions(caller, services.place.region),
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
