import { KmsError } from '../errors';
import type { RequestOrigin } from '../trail';
import type { Identity } from './identity';
import type { Conditions, ConditionValue, Context } from './policy';
import type { Principal } from './principal';

/** What is the same for every decision of one request. */
export interface RequestFacts {
  readonly caller: Principal;
  readonly identity: Identity;
  readonly origin: RequestOrigin;
  readonly now: Date;
  readonly region: string;
}

/** Conditions, or what makes them when a policy asks. The first layer that has a key wins. */
export type ConditionLayer = Conditions | (() => Conditions | undefined) | undefined;

/**
 * What a request says of itself. Policies without conditions, which are most, cost it nothing. Throws
 * AccessDeniedException when it is asked for what the request says twice.
 */
export function requestContext(facts: RequestFacts, layers: readonly ConditionLayer[]): Context {
  let given: ReadonlyMap<string, ConditionValue | typeof ambiguous> | undefined;
  return {
    get(key) {
      given ??= flatten(layers);
      const value = given.get(key);
      if (value === ambiguous) throw ambiguity(key);
      return value ?? globalValue(facts, key);
    },
  };
}

/**
 * Condition keys compare without case, and the names in encryption contexts and tags do not. Whichever of two a policy
 * was shown, an Allow or a Deny could be got round with the other: one that asks is answered with a denial.
 */
const ambiguous = Symbol('ambiguous');

function ambiguity(key: string): KmsError {
  return new KmsError(
    'AccessDeniedException',
    `A policy asks for the condition key ${key}, of which there are two that differ only in case.`,
  );
}

/** By key in lower case. */
function flatten(
  layers: readonly ConditionLayer[],
): ReadonlyMap<string, ConditionValue | typeof ambiguous> {
  const flat = new Map<string, ConditionValue | typeof ambiguous>();
  for (const layer of layers) {
    const conditions = typeof layer === 'function' ? layer() : layer;
    if (conditions === undefined) continue;
    const own = new Map<string, ConditionValue | typeof ambiguous>();
    for (const [key, value] of Object.entries(conditions)) {
      const lowered = key.toLowerCase();
      if (value !== undefined) own.set(lowered, own.has(lowered) ? ambiguous : value);
    }
    for (const [key, value] of own) if (!flat.has(key)) flat.set(key, value);
  }
  return flat;
}

function globalValue(facts: RequestFacts, key: string): ConditionValue | undefined {
  if (key.startsWith(principalTag)) return tagOf(facts, key.slice(principalTag.length));
  if (Object.hasOwn(globals, key)) return globals[key]?.(facts);
  const claims = facts.caller.session?.webIdentity?.claims ?? {};
  return Object.hasOwn(claims, key) ? claims[key] : undefined;
}

const principalTag = 'aws:principaltag/';

/** Tags of the session win over those of its role or user; keys compare without case. */
function tagOf({ caller, identity }: RequestFacts, lowered: string): string | undefined {
  for (const tags of [caller.session?.tags ?? {}, identity.tags]) {
    for (const [key, value] of Object.entries(tags)) {
      if (key.toLowerCase() === lowered) return value;
    }
  }
  return undefined;
}

type Global = (facts: RequestFacts) => ConditionValue | undefined;

const principalTypes = {
  root: 'Account',
  user: 'User',
  'assumed-role': 'AssumedRole',
  service: 'Service',
  'web-identity': 'WebIdentityUser',
} as const satisfies Record<Principal['kind'], string>;

const isService = ({ caller }: RequestFacts): boolean => caller.kind === 'service';
const via = ({ caller }: RequestFacts): string | undefined => caller.session?.via;

/** As much as the audit keeps of them: a caller's headers may be long, and its policy may have patterns by the thousand. */
const maxHeader = 1024;

/** The global condition keys (kms-semantics §6.9), in lower case. */
const globals: Readonly<Record<string, Global>> = {
  'aws:sourceip': ({ origin }) => (origin.zone === undefined ? origin.sourceIp : undefined),
  'aws:vpcsourceip': ({ origin }) => (origin.zone === undefined ? undefined : origin.sourceIp),
  'aws:sourcevpc': ({ origin }) => origin.zone?.vpcId,
  'aws:sourcevpce': ({ origin }) => origin.zone?.vpceId,
  'aws:securetransport': ({ origin }) => String(origin.secureTransport),
  'aws:useragent': ({ origin }) => origin.userAgent?.slice(0, maxHeader),
  'aws:referer': ({ origin }) => origin.referer?.slice(0, maxHeader),
  // Only a service may say on whose account it acts; anyone else's word would let it choose its own conditions.
  'aws:sourcearn': (facts) => (isService(facts) ? facts.origin.sourceArn : undefined),
  'aws:sourceaccount': (facts) => (isService(facts) ? facts.origin.sourceAccount : undefined),
  'aws:principalarn': ({ caller }) =>
    caller.kind === 'service' ? undefined : (caller.session?.role?.arn ?? caller.arn),
  'aws:principalaccount': ({ caller }) =>
    caller.kind === 'service' ? undefined : caller.accountId,
  'aws:principaltype': ({ caller }) => principalTypes[caller.kind],
  'aws:principalisawsservice': (facts) => String(isService(facts)),
  'aws:principalservicename': (facts) => (isService(facts) ? facts.caller.arn : undefined),
  'aws:principalservicenameslist': (facts) => (isService(facts) ? [facts.caller.arn] : undefined),
  'aws:userid': ({ caller }) => caller.principalId,
  'aws:username': ({ caller }) => (caller.kind === 'user' ? caller.userName : undefined),
  'aws:currenttime': ({ now }) => now.toISOString(),
  'aws:epochtime': ({ now }) => String(Math.floor(now.getTime() / 1000)),
  'aws:requestedregion': ({ region }) => region,
  'aws:tokenissuetime': ({ caller }) => caller.session?.issuedAt.toISOString(),
  'aws:multifactorauthpresent': ({ caller }) =>
    caller.session && String(caller.session.mfaAuthenticatedAt !== undefined),
  'aws:multifactorauthage': ({ caller, now }) => {
    const at = caller.session?.mfaAuthenticatedAt;
    return at && String(Math.max(0, Math.floor((now.getTime() - at.getTime()) / 1000)));
  },
  'aws:sourceidentity': ({ caller }) => caller.session?.sourceIdentity,
  'aws:federatedprovider': ({ caller }) => caller.session?.webIdentity?.provider,
  'aws:viaawsservice': (facts) => String(via(facts) !== undefined),
  'aws:calledvia': (facts) => via(facts) && [via(facts) ?? ''],
  'aws:calledviafirst': via,
  'aws:calledvialast': via,
};
