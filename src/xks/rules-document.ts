import { type JsonObject, type JsonValue, isList, isObject, readJson } from '../policy/json';
import { PolicyError } from '../policy/policy';

/** What a rule can look at, members of a request's metadata: what tells most at the least cost first. */
const ruleMembers = [
  'kmsOperation',
  'awsSourceVpc',
  'awsSourceVpce',
  'kmsViaService',
  'awsPrincipalArn',
  'kmsKeyArn',
] as const;

export type RuleMember = (typeof ruleMembers)[number];

/** A rule as it is written, each of its members a list. */
export interface RuleEntry {
  readonly name: string;
  readonly effect: 'allow' | 'deny';
  readonly patterns: ReadonlyMap<RuleMember, readonly string[]>;
}

/** A document that is none: `faults` has every one, each with its place as a JSON pointer. */
export class RulesFault extends Error {
  override readonly name = 'RulesFault';

  constructor(
    readonly faults: readonly string[],
    options?: { cause?: unknown },
  ) {
    super(faults.join('; '), options);
  }
}

/** Bounds of a document; `documentBytes` is the table's too. ARNs have up to 2,048 characters (XKS proxy API). */
export const rulesLimits = {
  documentBytes: 131_072,
  rules: 256,
  patterns: 2048,
  /** Those of the patterns that are no plain text: each is tried, while texts are looked up. */
  wildcards: 256,
  patternLength: 2048,
} as const;

/** More would be said of one mistake again and again. */
const maxFaults = 100;

const namePattern = /^[A-Za-z0-9._-]{1,64}$/;
const known = new Set<string>(['name', 'effect', ...ruleMembers]);

/** Throws RulesFault. */
export function readRulesDocument(text: string): readonly RuleEntry[] {
  const document = readText(text);
  const faults: string[] = [];
  const entries = readEntries(document, faults);
  requireBounds(entries, faults);
  if (faults.length > 0) throw new RulesFault(faults.slice(0, maxFaults));
  return entries;
}

export function hasWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

function readText(text: string): JsonValue {
  if (Buffer.byteLength(text) > rulesLimits.documentBytes) {
    throw new RulesFault([`/ must not be longer than ${rulesLimits.documentBytes} bytes`]);
  }
  try {
    return readJson(text);
  } catch (cause) {
    if (!(cause instanceof PolicyError)) throw cause;
    const fault =
      cause.cause instanceof SyntaxError
        ? '/ must be JSON'
        : '/ must not name a member twice, or be nested deeper than rules are';
    throw new RulesFault([fault], { cause });
  }
}

function readEntries(document: JsonValue, faults: string[]): RuleEntry[] {
  if (!isObject(document)) {
    faults.push("/ must be an object with the member 'rules'");
    return [];
  }
  faults.push(
    ...unknownMembers(document, new Set(['rules'])).map((name) => `/ must not have ${name}`),
  );
  const rules = document.get('rules');
  if (!isList(rules) || rules.length === 0 || rules.length > rulesLimits.rules) {
    faults.push(`/rules must be a list of 1 to ${rulesLimits.rules} rules`);
    return [];
  }
  return rules.flatMap((rule, index) => readEntry(rule, `/rules/${index}`, faults) ?? []);
}

function unknownMembers(object: JsonObject, allowed: ReadonlySet<string>): string[] {
  return [...object.keys()]
    .filter((name) => !allowed.has(name))
    .map((name) => JSON.stringify(name.slice(0, 64)));
}

function readEntry(rule: JsonValue, at: string, faults: string[]): RuleEntry | undefined {
  if (!isObject(rule)) {
    faults.push(`${at} must be an object`);
    return undefined;
  }
  faults.push(...unknownMembers(rule, known).map((name) => `${at} must not have ${name}`));
  const name = rule.get('name');
  if (typeof name !== 'string' || !namePattern.test(name)) {
    faults.push(`${at}/name must be 1 to 64 letters, digits, '.', '_' or '-'`);
  }
  const effect = rule.get('effect');
  if (effect !== 'allow' && effect !== 'deny') {
    faults.push(`${at}/effect must be 'allow' or 'deny'`);
  }
  const patterns = readMembers(rule, at, faults);
  if (patterns.size === 0) faults.push(`${at} must have one of ${ruleMembers.join(', ')}`);
  if (typeof name !== 'string' || (effect !== 'allow' && effect !== 'deny')) return undefined;
  return { name, effect, patterns };
}

function readMembers(
  rule: JsonObject,
  at: string,
  faults: string[],
): Map<RuleMember, readonly string[]> {
  const patterns = new Map<RuleMember, readonly string[]>();
  for (const member of ruleMembers) {
    const value = rule.get(member);
    if (value === undefined) continue;
    patterns.set(member, readPatterns(value, `${at}/${member}`, faults));
  }
  return patterns;
}

function readPatterns(value: JsonValue, at: string, faults: string[]): string[] {
  if (!isList(value))
    return isPattern(value)
      ? [value]
      : fault(faults, `${at} must be ${aPattern}, or a list of them`);
  if (value.length === 0) return fault(faults, `${at} must not be empty`);
  return value.flatMap((one, index) =>
    isPattern(one) ? [one] : fault(faults, `${at}/${index} must be ${aPattern}`),
  );
}

const aPattern = `a text of 1 to ${rulesLimits.patternLength} characters`;

function isPattern(value: JsonValue): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= rulesLimits.patternLength;
}

function fault(faults: string[], message: string): [] {
  faults.push(message);
  return [];
}

/** What is tried for every request must not take long. A name must tell which rule denied. */
function requireBounds(entries: readonly RuleEntry[], faults: string[]): void {
  const names = entries.map(({ name }) => name);
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  faults.push(...[...twice].map((name) => `/rules must not have two rules of the name '${name}'`));
  const patterns = entries.flatMap((entry) => [...entry.patterns.values()].flat());
  const wildcards = patterns.filter(hasWildcard);
  if (patterns.length > rulesLimits.patterns) {
    faults.push(`/rules must not have more than ${rulesLimits.patterns} patterns`);
  }
  if (wildcards.length > rulesLimits.wildcards) {
    faults.push(`/rules must not have more than ${rulesLimits.wildcards} patterns with wildcards`);
  }
}
