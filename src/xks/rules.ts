import { type Pattern, matchesPattern, parsePattern } from '../policy/wildcard';
import type { RequestMetadata } from './metadata';
import { type RuleEntry, type RuleMember, hasWildcard, readRulesDocument } from './rules-document';

export { RulesFault } from './rules-document';

/** Secondary authorization of one store or key. Immutable. */
export interface AuthorizationRules {
  /** As they were given, in order; what `claviger xks` prints. */
  readonly document: unknown;
  /** The name of the rule that denies the request, or `noRuleMatched`; undefined when the request is allowed. */
  denies(about: RequestMetadata): string | undefined;
}

/** Whose rules denied a request, and by which rule. For the log and the audit record, never for the answer. */
export interface Denial {
  readonly by: 'store' | 'key';
  readonly rule: string;
}

/** In the place of a rule's name, which has no spaces. */
export const noRuleMatched = 'no allow rule matched';

/** Compiles a document; throws RulesFault, which names every fault in it. */
export function parseRules(text: string): AuthorizationRules {
  const rules = readRulesDocument(text).map(compile);
  const document: unknown = JSON.parse(text);
  return new CompiledRules(document, rules);
}

/** Both a store's and a key's rules must allow a request; where there are none, they do. Not asked about health. */
export function denialOf(
  about: RequestMetadata,
  store: AuthorizationRules | undefined,
  key: AuthorizationRules | undefined,
): Denial | undefined {
  const byStore = store?.denies(about);
  if (byStore !== undefined) return { by: 'store', rule: byStore };
  const byKey = key?.denies(about);
  return byKey === undefined ? undefined : { by: 'key', rule: byKey };
}

interface Rule {
  readonly name: string;
  readonly effect: 'allow' | 'deny';
  readonly conditions: readonly Condition[];
}

interface Condition {
  readonly member: RuleMember;
  readonly texts: ReadonlySet<string>;
  readonly patterns: readonly Pattern[];
}

class CompiledRules implements AuthorizationRules {
  private readonly denying: readonly Rule[];
  private readonly allowing: readonly Rule[];

  constructor(
    readonly document: unknown,
    rules: readonly Rule[],
  ) {
    this.denying = rules.filter(({ effect }) => effect === 'deny');
    this.allowing = rules.filter(({ effect }) => effect === 'allow');
  }

  denies(about: RequestMetadata): string | undefined {
    for (const rule of this.denying) if (matches(rule, about)) return rule.name;
    if (this.allowing.length === 0) return undefined;
    for (const rule of this.allowing) if (matches(rule, about)) return undefined;
    return noRuleMatched;
  }
}

function compile({ name, effect, patterns }: RuleEntry): Rule {
  const conditions = [...patterns].map(([member, texts]) => ({
    member,
    texts: new Set(texts.filter((text) => !hasWildcard(text))),
    patterns: texts.filter(hasWildcard).map(parsePattern),
  }));
  return { name, effect, conditions };
}

function matches({ conditions }: Rule, about: RequestMetadata): boolean {
  for (const { member, texts, patterns } of conditions) {
    const value = about[member];
    // What the request does not say is like nothing, `*` included: a rule about VPCs is not met from outside of them.
    if (value === undefined) return false;
    if (!texts.has(value) && !matchesAny(patterns, value)) return false;
  }
  return true;
}

function matchesAny(patterns: readonly Pattern[], value: string): boolean {
  for (const pattern of patterns) if (matchesPattern(pattern, value)) return true;
  return false;
}
