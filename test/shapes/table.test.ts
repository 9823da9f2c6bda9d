import { operationNamesOf, operationShapes, parseInput } from '../../src/shapes';
import { shapes } from '../../src/shapes/table';
import { enumListing, shapeNamed, wholeStringPattern } from '../../src/shapes/table';

const patterned = Object.keys(shapes).flatMap((name): [string, string][] => {
  const shape = shapeNamed(name);
  return shape.type === 'string' && shape.pattern !== undefined ? [[name, shape.pattern]] : [];
});

function matcher(pattern: string): RegExp {
  return new RegExp(wholeStringPattern(pattern), 'u');
}

test('Fifty-four shapes have a pattern', () => {
  expect(patterned).toHaveLength(54);
});

/** Long texts that fit almost to the end: where a pattern can backtrack, it does so here. */
const hostile = [
  'a',
  'a-',
  'aaaa-',
  '/a',
  '/kms/xks/v1',
  '/a/kms/xks/v1',
  '1',
  ' ',
  'A2',
  '\\w',
  '=',
  '.amazonaws.vpce.a-a-1.vpce-svc-0',
].map((unit) => unit.repeat(Math.ceil(50_000 / unit.length)));

const prefixes = ['', 'com.amazonaws.vpce.', 'https://', 'cluster-', '/'];

test.each(patterned)('The pattern of %s is decided in linear time', (_, pattern) => {
  const whole = matcher(pattern);
  const started = process.cpuUsage();
  for (const text of hostile) {
    for (const prefix of prefixes) whole.test(`${prefix}${text}\u{1F511}`);
  }
  const { user } = process.cpuUsage(started);
  // 60 texts of 50,000 characters: a quadratic pattern takes minutes.
  expect(user / 1e6).toBeLessThan(3);
});

test('A pattern matches the whole text, also where it is not anchored', () => {
  const policyName = matcher('[\\w]+');
  expect(policyName.test('default')).toBe(true);
  expect(policyName.test('default ')).toBe(false);
  expect(policyName.test('default\n')).toBe(false);
  expect(policyName.test(' default')).toBe(false);
});

test('Alternatives are anchored at both ends', () => {
  const either = matcher('^a$|^b$');
  expect(either.test('b')).toBe(true);
  expect(either.test('ax')).toBe(false);
  expect(either.test('xb')).toBe(false);
});

test('White space is ASCII white space, as in Java', () => {
  const description = matcher('^[a-zA-Z0-9:/_\\s.-]+$');
  expect(description.test('a b\t\n\v\f\r')).toBe(true);
  expect(description.test('a\u00a0b')).toBe(false);
  expect(description.test('a\u2028b')).toBe(false);
});

test('No pattern has white space outside a character class, where its translation would be wrong', () => {
  for (const [, pattern] of patterned) {
    expect(pattern.replaceAll(/\[[^\]]*\]/g, '')).not.toContain('\\s');
  }
});

test('A listing has the accepted values, but for the data key specs and ML-KEM', () => {
  for (const [name, shape] of Object.entries(shapes)) {
    if (shape.type !== 'string' || shape.enum === undefined || name === 'DataKeySpec') continue;
    const accepted = shape.enum.filter(
      (value) => name !== 'KeySpec' || !value.startsWith('ML_KEM'),
    );
    expect([...enumListing(name)].sort()).toEqual([...accepted].sort());
  }
});

test('A shape that the model does not define is a fault', () => {
  expect(() => shapeNamed('Nothing')).toThrow(new Error('no shape is named Nothing'));
});

test('Every operation has a validator that compiles', () => {
  for (const name of operationNamesOf('kms')) {
    const shape = shapeNamed(operationShapes[name].input);
    const required = shape.type === 'structure' ? (shape.required ?? []) : [];
    const parse = (): unknown => parseInput(name, {});
    if (required.length === 0) expect(parse()).toEqual({});
    else expect(parse).toThrow(new RegExp(`^${required.length} validation error`));
  }
});
