import type { Identity } from './identity';
import type { Context, Policy, PolicyAnswer, PrincipalMatch, PrincipalNames } from './policy';
import type { ResourcePolicy } from './policy';
import type { Principal } from './principal';

/** The kinds of policies that have a word, in the order in which an explicit deny of theirs is named. */
export type Layer = 'identity' | 'resource' | 'boundary' | 'session';

/** A resource that has a policy of its own: a KMS key, or a role with its trust policy. */
export interface Owner {
  readonly accountId: string;
  readonly policy: Pick<ResourcePolicy, 'ask'>;
  /** What resource policies may see; keys keep their tags and aliases to identity policies (kms-semantics §6.8, §6.9). */
  readonly context: Context;
}

/** One action on one resource, asked by one caller. */
export interface Matter {
  readonly caller: Principal;
  readonly identity: Identity;
  readonly names: PrincipalNames;
  /** `kms:Encrypt` */
  readonly action: string;
  /** An ARN, or `*`. */
  readonly resource: string;
  readonly context: Context;
  /** Absent where identity policies alone decide. */
  readonly owner?: Owner;
}

/** What all policies together say; undefined allows. */
export type Denial =
  { readonly explicit: boolean; readonly layer: Layer; readonly foreign: boolean } | undefined;

/** What each kind of policy said of a matter. */
export interface Weighed {
  readonly explicitly: Layer | undefined;
  /** How the resource's own policy allows; `none` too where there is none. */
  readonly match: PrincipalMatch;
  readonly identityAllows: boolean;
  readonly boundaryAllows: boolean;
  readonly sessionAllows: boolean;
  /** The policy of the caller's API token. */
  readonly tokenAllows: boolean;
  /** The resource is another account's. */
  readonly foreign: boolean;
  readonly owned: boolean;
}

/** Asks every policy that has a word. Pure. */
export function weigh(matter: Matter): Weighed {
  const { caller, identity, names, resource, context, owner } = matter;
  const action = matter.action.toLowerCase();
  const question = { action, resource, context };
  const identityAnswer = union(identity.policies, question);
  const boundary = identity.boundary?.ask(question);
  const { session, sessionAllows, tokenAllows } = weighSession(caller, question);
  const owned = owner?.policy.ask(
    { action, resource, context: owner.context },
    boundary === undefined ? names : { ...names, bounded: true },
  );
  return {
    explicitly: firstDenied({ identity: identityAnswer, resource: owned, boundary, session }),
    match: owned?.allowed ?? 'none',
    // A root may do what its account may; its sessions too.
    identityAllows: caller.kind === 'root' || identityAnswer.allowed !== 'none',
    boundaryAllows: boundary === undefined || boundary.allowed !== 'none',
    sessionAllows,
    tokenAllows,
    // Services belong to no account: what names them is enough.
    foreign:
      owner !== undefined && caller.kind !== 'service' && caller.accountId !== owner.accountId,
    owned: owner !== undefined,
  };
}

/** Session policies, and the policy of an API token: the one that denies is `session`. */
function weighSession(
  { session, apiToken }: Principal,
  question: Parameters<Policy['ask']>[0],
): Pick<Weighed, 'sessionAllows' | 'tokenAllows'> & { readonly session: PolicyAnswer | undefined } {
  const policies = session?.policies ?? [];
  const ofSession = policies.length === 0 ? undefined : union(policies, question);
  const ofToken = apiToken?.policy?.ask(question);
  return {
    session: ofToken?.denied === true ? ofToken : ofSession,
    sessionAllows: ofSession?.allowed !== 'none',
    tokenAllows: ofToken?.allowed !== 'none',
  };
}

/** What the policies say together (kms-semantics §6.3, §6.4). */
export function decide(weighed: Weighed): Denial {
  const { explicitly, foreign, match } = weighed;
  if (explicitly !== undefined) {
    // Or a stranger could deny itself a guess of an alias, and be told whether there is a key behind it.
    const layer = foreign && match === 'none' ? 'resource' : explicitly;
    return { explicit: true, layer, foreign };
  }
  const layer = weighed.owned
    ? obstacle(weighed, { match, foreign })
    : obstacle(weighed, { match: 'account', foreign: false });
  return layer && { explicit: false, layer, foreign };
}

/**
 * What a grant changes: it stands beside the key policy, in another account too, and no identity policy is needed. An
 * explicit deny is above it.
 */
export function decideByGrant(weighed: Weighed, match: PrincipalMatch): Denial {
  const { explicitly, foreign } = weighed;
  if (explicitly !== undefined) return { explicit: true, layer: explicitly, foreign };
  const layer = obstacle(weighed, { match, foreign: false });
  return layer && { explicit: false, layer, foreign };
}

/**
 * The first kind of policy that stands in the way of one who is named in this way. Boundary and session policy do not
 * limit what the resource gives to the caller by its own ARN (IAM, evaluation logic for resource-based policies). The
 * policy of an API token, which denials call a session policy, does.
 */
function obstacle(
  { identityAllows, boundaryAllows, sessionAllows, tokenAllows }: Weighed,
  { match, foreign }: { match: PrincipalMatch; foreign: boolean },
): Layer | undefined {
  if (match === 'none') return 'resource';
  if (match === 'caller' && !foreign) return tokenAllows ? undefined : 'session';
  if ((match === 'account' || foreign) && !identityAllows) return 'identity';
  if (!boundaryAllows) return 'boundary';
  return sessionAllows && tokenAllows ? undefined : 'session';
}

function union(policies: readonly Policy[], question: Parameters<Policy['ask']>[0]): PolicyAnswer {
  let allowed: PrincipalMatch = 'none';
  for (const policy of policies) {
    const answer = policy.ask(question);
    if (answer.denied) return answer;
    if (answer.allowed !== 'none') allowed = answer.allowed;
  }
  return { denied: false, allowed };
}

function firstDenied(
  answers: Readonly<Record<Layer, PolicyAnswer | undefined>>,
): Layer | undefined {
  for (const layer of ['identity', 'resource', 'boundary', 'session'] as const) {
    if (answers[layer]?.denied === true) return layer;
  }
  return undefined;
}
