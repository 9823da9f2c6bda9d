import { compileArn } from './arn-pattern';
import { parseInstant } from './instant';
import { parseAddress, parseIpRange } from './ip-range';
import { PolicyError } from './policy';
import {
  type TextTest,
  compileTemplate,
  hasVariables,
  parseTemplate,
  resolveText,
} from './template';

/** A condition operator without `ForAnyValue:`, `ForAllValues:` and `IfExists` (kms-semantics §6.7). */
export interface Operator {
  /** Holds where no value matches, and where the key is absent. */
  readonly negated: boolean;
  /** `variables`: whether `${…}` is a variable. Throws PolicyError for a value that the operator cannot have. */
  compile(value: string, variables: boolean): TextTest;
}

type Compile = Operator['compile'];
type Compare = (actual: number, expected: number) => boolean;

const comparisons: Readonly<Record<string, Compare>> = {
  Equals: (actual, expected) => actual === expected,
  LessThan: (actual, expected) => actual < expected,
  LessThanEquals: (actual, expected) => actual <= expected,
  GreaterThan: (actual, expected) => actual > expected,
  GreaterThanEquals: (actual, expected) => actual >= expected,
};

const number = /^[+-]?\d{1,18}(\.\d{1,18})?$/;
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

const text =
  (wildcards: boolean): Compile =>
  (value, variables) =>
    compileTemplate(parseTemplate(value, { variables, wildcards }));

const foldedText: Compile = (value, variables) => {
  const template = parseTemplate(value, { variables, wildcards: false });
  if (hasVariables(template)) {
    return (actual, context) =>
      resolveText(template, context)?.toLowerCase() === actual.toLowerCase();
  }
  const test = compileTemplate(parseTemplate(value.toLowerCase(), { variables, wildcards: false }));
  return (actual, context) => test(actual.toLowerCase(), context);
};

const bool: Compile = (value, variables) => {
  if (/^(true|false)$/i.test(value)) {
    const expected = value.toLowerCase();
    return (actual) => actual.toLowerCase() === expected;
  }
  if (!hasVariables(parseTemplate(value, { variables, wildcards: false }))) throw unreadable();
  return foldedText(value, variables);
};

const binary: Compile = (value) => {
  const expected = canonicalBase64(value);
  if (expected === undefined) throw unreadable();
  return (actual) => canonicalBase64(actual) === expected;
};

const address: Compile = (value) => {
  const range = parseIpRange(value);
  if (range === undefined) throw unreadable();
  return (actual) => {
    const candidate = parseAddress(actual);
    return candidate !== undefined && range(candidate);
  };
};

const arn: Compile = (value, variables) => compileArn(value, variables);

/** What stands in a request and is no number or date is not equal to one, and not less or greater. */
const compared =
  (compare: Compare, parse: (written: string) => number | undefined): Compile =>
  (value) => {
    const expected = parse(value);
    if (expected === undefined) throw unreadable();
    return (actual) => {
      const parsed = parse(actual);
      return parsed !== undefined && compare(parsed, expected);
    };
  };

/** Every operator but Null, by the name that documents write. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ...pair('StringEquals', 'StringNotEquals', text(false)),
  ...pair('StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase', foldedText),
  ...pair('StringLike', 'StringNotLike', text(true)),
  ...ordered('Numeric', parseNumber),
  ...ordered('Date', parseInstant),
  ...pair('Bool', undefined, bool),
  ...pair('BinaryEquals', undefined, binary),
  ...pair('IpAddress', 'NotIpAddress', address),
  ...pair('ArnEquals', 'ArnNotEquals', arn),
  ...pair('ArnLike', 'ArnNotLike', arn),
]);

function pair(
  name: string,
  negative: string | undefined,
  compile: Compile,
): (readonly [string, Operator])[] {
  const positive = [name, { negated: false, compile }] as const;
  return negative === undefined ? [positive] : [positive, [negative, { negated: true, compile }]];
}

function ordered(
  family: string,
  parse: (written: string) => number | undefined,
): (readonly [string, Operator])[] {
  return Object.entries(comparisons).flatMap(([name, compare]) =>
    pair(
      `${family}${name}`,
      name === 'Equals' ? `${family}NotEquals` : undefined,
      compared(compare, parse),
    ),
  );
}

function parseNumber(written: string): number | undefined {
  return number.test(written) ? Number(written) : undefined;
}

/** One text for the same bytes; undefined for what is no base64. */
function canonicalBase64(written: string): string | undefined {
  if (written.length % 4 !== 0 || !base64.test(written)) return undefined;
  return Buffer.from(written, 'base64').toString('base64');
}

/** IAM refuses such a value (a date, at least) in these words. */
function unreadable(): PolicyError {
  return new PolicyError('syntax', 'The policy failed legacy parsing');
}
