import { type JsonValue, isList, isNumber, isObject } from './json';
import { type Operator, operators } from './operators';
import { type ConditionValue, type Context, PolicyError } from './policy';
import type { TextTest } from './template';

/** One key of one operator: all of a statement's must hold. */
export type Requirement = (context: Context) => boolean;

export interface ConditionRules {
  /** Version 2012-10-17. */
  readonly variables: boolean;
  /** IAM wants `aws:…`, `kms:…`; KMS was not seen to. */
  readonly vendorOfKeys: boolean;
  /** KMS refuses ForAllValues with keys that a caller can leave out (kms-semantics §6.2). */
  readonly refuseOverlyPermissive: boolean;
}

/** How the values of a request's key are asked. */
interface Quantifier {
  readonly prefix: string;
  /** What holds of a key that is absent; undefined: the operator says. */
  readonly absent: boolean | undefined;
  readonly holds: (values: readonly string[], test: (value: string) => boolean) => boolean;
}

const forAllValues: Quantifier = {
  prefix: 'ForAllValues:',
  absent: true,
  holds: (values, test) => values.every(test),
};
const forAnyValue: Quantifier = {
  prefix: 'ForAnyValue:',
  absent: false,
  holds: (values, test) => values.some(test),
};
const ifExists = 'IfExists';

/** Keys of one value that ForAllValues makes optional, and what AWS's message calls them. */
const optionalKeys: readonly (readonly [prefix: string, name: string])[] = [
  ['kms:encryptioncontext:', 'encryption context'],
  ['aws:requesttag/', 'tag'],
];

/** Throws PolicyError for operators that do not exist and values that they cannot have. */
export function compileConditions(
  condition: JsonValue | undefined,
  rules: ConditionRules,
): readonly Requirement[] {
  if (condition === undefined) return [];
  if (!isObject(condition)) throw malformed();
  return [...condition].flatMap(([name, keys]) => {
    if (!isObject(keys)) throw malformed();
    const compile = name === 'Null' ? compileNull : operatorNamed(name, rules);
    return [...keys].map(([key, values]) => {
      if (rules.vendorOfKeys && !key.includes(':')) {
        throw new PolicyError(
          'syntax',
          'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
        );
      }
      return compile(key.toLowerCase(), scalars(values));
    });
  });
}

type CompileKey = (key: string, values: readonly string[]) => Requirement;

function operatorNamed(name: string, rules: ConditionRules): CompileKey {
  const quantifier = [forAllValues, forAnyValue].find(({ prefix }) => name.startsWith(prefix));
  const rest = name.slice(quantifier?.prefix.length ?? 0);
  const optional = rest.endsWith(ifExists);
  const operator = operators.get(optional ? rest.slice(0, -ifExists.length) : rest);
  if (operator === undefined) throw malformed();
  return (key, values) => {
    if (rules.refuseOverlyPermissive && quantifier === forAllValues) refuseOptional(key);
    const test = anyOf(values.map((value) => operator.compile(value, rules.variables)));
    return quantifier === undefined
      ? plain({ key, operator, optional }, test)
      : quantified({ key, operator, optional, quantifier }, test);
  };
}

interface Asked {
  readonly key: string;
  readonly operator: Operator;
  readonly optional: boolean;
}

/**
 * A multi-valued key needs a quantifier: without one the condition is not met, whichever operator it has (IAM User
 * Guide, "Single-valued vs. multivalued context keys").
 */
function plain({ key, operator: { negated }, optional }: Asked, test: TextTest): Requirement {
  const absent = negated || optional;
  return (context) => {
    const value = context.get(key);
    if (typeof value === 'string') return test(value, context) !== negated;
    return isAbsent(value) && absent;
  };
}

function quantified(
  { key, operator: { negated }, optional, quantifier }: Asked & { quantifier: Quantifier },
  test: TextTest,
): Requirement {
  const absent = quantifier.absent === true || optional;
  return (context) => {
    const value = context.get(key);
    if (value === undefined || isAbsent(value)) return absent;
    const values = typeof value === 'string' ? [value] : value;
    return quantifier.holds(values, (one) => test(one, context) !== negated);
  };
}

/** `true`: the key is absent; `false`: it is there. */
function compileNull(key: string, values: readonly string[]): Requirement {
  const wanted = values.map((value) => value.toLowerCase());
  if (!wanted.every((value) => value === 'true' || value === 'false')) throw malformed();
  const [whenAbsent, whenPresent] = [wanted.includes('true'), wanted.includes('false')];
  return (context) => (isAbsent(context.get(key)) ? whenAbsent : whenPresent);
}

function isAbsent(value: ConditionValue | undefined): boolean {
  return value === undefined || (value.length === 0 && typeof value !== 'string');
}

function anyOf(tests: readonly TextTest[]): TextTest {
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return only;
  return (actual, context) => tests.some((test) => test(actual, context));
}

function refuseOptional(key: string): void {
  const [, name] = optionalKeys.find(([prefix]) => key.startsWith(prefix)) ?? [];
  if (name === undefined) return;
  throw new PolicyError(
    'overly-permissive',
    `OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches requests without the specified ${name} or with an unspecified ${name}. To fix, remove ForAllValues.`,
  );
}

/** One value or a list of them, as text: JSON's numbers and booleans may stand for themselves. */
function scalars(values: JsonValue): readonly string[] {
  const list = isList(values) ? values : [values];
  if (list.length === 0) throw malformed();
  return list.map((value) => {
    if (typeof value === 'string') return value;
    if (typeof value === 'boolean') return String(value);
    if (isNumber(value)) return value.digits;
    throw malformed();
  });
}

function malformed(): PolicyError {
  return new PolicyError('syntax', 'Syntax errors in policy.');
}
