import { faultOf, statementAllows, type Values } from '../support/policies';

/** One operator on the key `a:b`, or on several keys. */
const holds = (operator: string, value: unknown, actual?: Values[string]): boolean =>
  statementAllows(
    { Condition: { [operator]: { 'a:b': value } } },
    actual === undefined ? {} : { 'a:b': actual },
  );

describe('an operator', () => {
  test.each<[operator: string, value: unknown, actual: string, holds: boolean]>([
    ['StringEquals', 'red', 'red', true],
    ['StringEquals', 'red', 'Red', false],
    ['StringEquals', 're*', 'red', false],
    ['StringEquals', 're*', 're*', true],
    ['StringEquals', '', '', true],
    ['StringEquals', true, 'true', true],
    ['StringEquals', 12, '12', true],
    ['StringNotEquals', 'red', 'red', false],
    ['StringNotEquals', 'red', 'Red', true],
    ['StringEqualsIgnoreCase', 'RED', 'red', true],
    ['StringEqualsIgnoreCase', 'red', 'RED', true],
    ['StringEqualsIgnoreCase', 'red', 'blue', false],
    ['StringNotEqualsIgnoreCase', 'RED', 'red', false],
    ['StringNotEqualsIgnoreCase', 'RED', 'blue', true],
    ['StringLike', 'r?d', 'red', true],
    ['StringLike', 'r*', 'red', true],
    ['StringLike', 'R*', 'red', false],
    ['StringLike', 'r', 'red', false],
    ['StringNotLike', 'r*', 'red', false],
    ['StringNotLike', 'b*', 'red', true],
    ['NumericEquals', '10', '10.0', true],
    ['NumericEquals', 10, '10', true],
    ['NumericEquals', 1.5, '1.50', true],
    ['NumericEquals', '10', '11', false],
    ['NumericEquals', '10', 'ten', false],
    ['NumericNotEquals', '10', '11', true],
    ['NumericNotEquals', '10', '10', false],
    ['NumericNotEquals', '10', 'ten', true],
    ['NumericLessThan', '10', '9', true],
    ['NumericLessThan', '10', '10', false],
    ['NumericLessThan', '10', '-11', true],
    ['NumericLessThan', '9', '10', false],
    ['NumericLessThanEquals', '10', '10', true],
    ['NumericLessThanEquals', '10', '10.1', false],
    ['NumericGreaterThan', '10', '10.1', true],
    ['NumericGreaterThan', '10', '10', false],
    ['NumericGreaterThanEquals', '10', '10', true],
    ['NumericGreaterThanEquals', '10', '9', false],
    ['NumericGreaterThanEquals', '10', 'ten', false],
    ['DateEquals', '2026-01-02', '2026-01-02T00:00:00Z', true],
    ['DateEquals', '1767312000', '2026-01-02T00:00:00Z', true],
    ['DateEquals', 1767312000, '2026-01-02T00:00:00.000Z', true],
    ['DateEquals', '2026-01-02', '2026-01-02T00:00:01Z', false],
    ['DateNotEquals', '2026-01-02', '2026-01-02T00:00:01Z', true],
    ['DateNotEquals', '2026-01-02', '2026-01-02T01:00:00+01:00', false],
    ['DateLessThan', '2026-01-02', '2026-01-01T23:59:59Z', true],
    ['DateLessThan', '2026-01-02', '2026-01-02T00:00:00Z', false],
    ['DateLessThanEquals', '2026-01-02', '2026-01-02T00:00:00Z', true],
    ['DateGreaterThan', '2026-01-02', '2026-01-02T00:00:00.001Z', true],
    ['DateGreaterThan', '2026-01-02', '2026-01-02T00:00:00Z', false],
    ['DateGreaterThanEquals', '2026-01-02', '2026-01-02T00:00:00Z', true],
    ['DateGreaterThanEquals', '2026-01-02', 'today', false],
    ['Bool', 'true', 'true', true],
    ['Bool', 'TRUE', 'true', true],
    ['Bool', true, 'true', true],
    ['Bool', false, 'false', true],
    ['Bool', 'false', 'true', false],
    ['Bool', 'true', 'yes', false],
    ['BinaryEquals', 'QUJD', 'QUJD', true],
    ['BinaryEquals', 'QUI=', 'QUI=', true],
    ['BinaryEquals', 'QUJD', 'QUJE', false],
    ['BinaryEquals', '', '3', false],
    ['IpAddress', '203.0.113.0/24', '203.0.113.255', true],
    ['IpAddress', '203.0.113.0/24', '203.0.114.0', false],
    ['IpAddress', '203.0.113.7', '203.0.113.7', true],
    ['IpAddress', '203.0.113.7', '203.0.113.8', false],
    ['IpAddress', '0.0.0.0/0', '255.255.255.255', true],
    ['IpAddress', '0.0.0.0/0', '2001:db8::1', false],
    ['IpAddress', '2001:db8::/32', '2001:db8:ffff::1', true],
    ['IpAddress', '2001:db8::/32', '2001:db9::1', false],
    ['IpAddress', '2001:DB8:0:0:0:0:0:1', '2001:db8::1', true],
    ['IpAddress', '10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['IpAddress', '::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['IpAddress', '::/0', '10.1.2.3', false],
    ['IpAddress', '10.0.0.0/8', 'somewhere', false],
    ['NotIpAddress', '203.0.113.0/24', '203.0.113.1', false],
    ['NotIpAddress', '203.0.113.0/24', '203.0.114.1', true],
    ['NotIpAddress', '203.0.113.0/24', '2001:db8::1', true],
    ['NotIpAddress', '203.0.113.0/24', 'somewhere', true],
    ['ArnEquals', 'arn:aws:iam::111122223333:user/a', 'arn:aws:iam::111122223333:user/a', true],
    ['ArnEquals', 'arn:aws:iam::*:user/?', 'arn:aws:iam::111122223333:user/a', true],
    ['ArnEquals', 'arn:aws:iam::111122223333:user/A', 'arn:aws:iam::111122223333:user/a', false],
    ['ArnLike', 'arn:aws:sns:*:111122223333:*', 'arn:aws:sns:eu-1:111122223333:t:sub', true],
    ['ArnLike', 'arn:aws:sns:*:t', 'arn:aws:sns:eu-1:111122223333:t', false],
    ['ArnLike', 'arn:aws:*:b', 'arn:aws:s3:::b', false],
    ['ArnLike', '*', 'arn:aws:s3:::b', false],
    ['ArnLike', 'arn:aws:s3:::b', 'no arn', false],
    ['ArnNotEquals', 'arn:aws:s3:::b', 'arn:aws:s3:::b', false],
    ['ArnNotEquals', 'arn:aws:s3:::b', 'arn:aws:s3:::c', true],
    ['ArnNotLike', 'arn:aws:s3:::*', 'arn:aws:s3:::c', false],
    ['ArnNotLike', 'arn:aws:s3:::*', 'no arn', true],
    ['Null', 'true', 'x', false],
    ['Null', 'false', 'x', true],
    ['Null', 'FALSE', '', true],
    ['Null', false, 'x', true],
  ])('%s %j of %j: %j', (operator, value, actual, expected) => {
    expect(holds(operator, value, actual)).toBe(expected);
  });
});

const positive = [
  ...['StringEquals', 'StringEqualsIgnoreCase', 'StringLike', 'BinaryEquals'],
  ...['ArnEquals', 'ArnLike'],
].map((operator) => [operator, 'QUJD'] as const);
const typed = [
  ...['Equals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'].flatMap(
    (name) => [[`Numeric${name}`, '1'] as const, [`Date${name}`, '2026-01-01'] as const],
  ),
  ['Bool', 'true'] as const,
  ['IpAddress', '10.0.0.0/8'] as const,
];
const negative = [
  ...['StringNotEquals', 'StringNotEqualsIgnoreCase', 'StringNotLike', 'ArnNotEquals'].map(
    (operator) => [operator, 'x'] as const,
  ),
  ['ArnNotLike', 'x'] as const,
  ['NumericNotEquals', '1'] as const,
  ['DateNotEquals', '2026-01-01'] as const,
  ['NotIpAddress', '10.0.0.0/8'] as const,
];

describe('of a key that is absent', () => {
  test.each([...positive, ...typed])('%s does not hold, and does with IfExists', (name, value) => {
    expect(holds(name, value)).toBe(false);
    expect(holds(`${name}IfExists`, value)).toBe(true);
  });

  test.each(negative)('%s holds, with IfExists too', (name, value) => {
    expect(holds(name, value)).toBe(true);
    expect(holds(`${name}IfExists`, value)).toBe(true);
  });

  test.each([...positive, ...typed, ...negative])(
    '%s holds for all and for none',
    (name, value) => {
      expect(holds(`ForAllValues:${name}`, value)).toBe(true);
      expect(holds(`ForAllValues:${name}IfExists`, value)).toBe(true);
      expect(holds(`ForAnyValue:${name}`, value)).toBe(false);
      expect(holds(`ForAnyValue:${name}IfExists`, value)).toBe(true);
    },
  );

  test('Null says so, and an empty list is as absent', () => {
    for (const actual of [undefined, []]) {
      expect(holds('Null', 'true', actual)).toBe(true);
      expect(holds('Null', 'false', actual)).toBe(false);
      expect(holds('ForAllValues:StringEquals', 'x', actual)).toBe(true);
      expect(holds('ForAnyValue:StringNotEquals', 'x', actual)).toBe(false);
      expect(holds('StringNotEquals', 'x', actual)).toBe(true);
    }
  });
});

describe('values of a policy', () => {
  test('are alternatives of a positive operator', () => {
    expect(holds('StringEquals', ['red', 'blue'], 'blue')).toBe(true);
    expect(holds('StringEquals', ['red', 'blue'], 'green')).toBe(false);
    expect(holds('IpAddress', ['10.0.0.0/8', '192.0.2.0/24'], '192.0.2.1')).toBe(true);
    expect(holds('Null', ['true', 'false'], 'x')).toBe(true);
  });

  test('are all excluded by a negated operator', () => {
    expect(holds('StringNotEquals', ['red', 'blue'], 'blue')).toBe(false);
    expect(holds('StringNotEquals', ['red', 'blue'], 'green')).toBe(true);
    expect(holds('NotIpAddress', ['10.0.0.0/8', '192.0.2.0/24'], '192.0.2.1')).toBe(false);
  });
});

describe('keys and operators', () => {
  const Condition = { StringEquals: { 'a:b': 'x', 'a:c': 'y' }, Bool: { 'a:d': 'true' } };

  test('must all hold', () => {
    expect(statementAllows({ Condition }, { 'a:b': 'x', 'a:c': 'y', 'a:d': 'true' })).toBe(true);
    expect(statementAllows({ Condition }, { 'a:b': 'x', 'a:c': 'n', 'a:d': 'true' })).toBe(false);
    expect(statementAllows({ Condition }, { 'a:b': 'x', 'a:c': 'y', 'a:d': 'false' })).toBe(false);
  });

  test('compare keys without case', () => {
    const keys = { StringEquals: { 'AWS:PrincipalTag/TEAM': 'x' } };
    expect(statementAllows({ Condition: keys }, { 'aws:principaltag/team': 'x' })).toBe(true);
  });

  test('ask nothing where there are none', () => {
    for (const none of [{}, { StringEquals: {} }]) {
      expect(statementAllows({ Condition: none })).toBe(true);
    }
  });
});

describe('a key with several values', () => {
  test.each<[operator: string, value: unknown, actual: readonly string[], holds: boolean]>([
    ['ForAllValues:StringEquals', ['a', 'b'], ['a'], true],
    ['ForAllValues:StringEquals', ['a', 'b'], ['b', 'a'], true],
    ['ForAllValues:StringEquals', ['a', 'b'], ['a', 'c'], false],
    ['ForAllValues:StringLike', 'a*', ['ab', 'ac'], true],
    ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'd'], true],
    ['ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'a'], false],
    ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'b'], true],
    ['ForAnyValue:StringEquals', ['a', 'b'], ['c', 'd'], false],
    ['ForAnyValue:StringNotEquals', ['a', 'b'], ['a', 'c'], true],
    ['ForAnyValue:StringNotEquals', ['a', 'b'], ['a', 'b'], false],
    ['ForAnyValue:StringLikeIfExists', 'a*', ['b', 'ab'], true],
    ['ForAllValues:StringLikeIfExists', 'a*', ['b', 'ab'], false],
    ['StringEquals', 'a', ['a'], false],
    ['StringNotEquals', 'b', ['a'], false],
    ['StringEqualsIfExists', 'a', ['a', 'b'], false],
    ['Null', 'false', ['a', 'b'], true],
  ])('%s %j of %j: %j', (operator, value, actual, expected) => {
    expect(holds(operator, value, actual)).toBe(expected);
  });

  test('one value alone is a list of one', () => {
    expect(holds('ForAllValues:StringEquals', ['a', 'b'], 'a')).toBe(true);
    expect(holds('ForAnyValue:StringEquals', ['a', 'b'], 'c')).toBe(false);
  });
});

describe('a condition is refused', () => {
  const refusal = (Condition: unknown) => faultOf(() => statementAllows({ Condition }));
  const syntax = { fault: 'syntax', message: 'Syntax errors in policy.' };
  const legacy = { fault: 'syntax', message: 'The policy failed legacy parsing' };

  test.each([
    ...['stringEquals', 'StringEqual', 'NullIfExists', 'ForAnyValue:Null', 'ForAllValues:Null'],
    ...['ForAnyValue', 'ForAnyValue:', 'IfExists', 'ForSomeValues:StringEquals', 'NotBool', ''],
    ...['ForAllValues:ForAnyValue:StringEquals', 'StringEqualsIfExistsIfExists', 'constructor'],
    ...['__proto__', 'ForAnyValue:StringEquals ', 'NumericLike', 'BinaryNotEquals'],
  ])('with the operator %j', (operator) => {
    const Condition = JSON.parse(`{"${operator}":{"a:b":"true"}}`) as unknown;
    expect(refusal(Condition)).toEqual(syntax);
  });

  test.each<[unknown]>([
    ...[['x'], [['x']], [null], [1], [{ StringEquals: 'x' }], [{ StringEquals: ['a:b'] }]],
    ...[[{ StringEquals: null }], [{ StringEquals: { 'a:b': [] } }]],
    ...[[{ StringEquals: { 'a:b': null } }], [{ StringEquals: { 'a:b': {} } }]],
    ...[
      [{ StringEquals: { 'a:b': [['x']] } }],
      [{ Null: { 'a:b': 'maybe' } }],
      [{ Null: { 'a:b': '' } }],
    ],
  ] as [unknown][])('as %j', (Condition) => {
    expect(refusal(Condition)).toEqual(syntax);
  });

  test.each([
    ...[
      ['NumericEquals', 'ten'],
      ['NumericLessThan', ''],
      ['NumericEquals', '0x10'],
    ],
    ...[
      ['NumericEquals', '${aws:EpochTime}'],
      ['NumericEquals', '1'.repeat(19)],
    ],
    ...[
      ['DateLessThan', 'tomorrow'],
      ['DateLessThan', '2026-02-30'],
      ['DateEquals', ''],
    ],
    ...[
      ['Bool', 'yes'],
      ['Bool', ''],
      ['Bool', '1'],
    ],
    ...[
      ['IpAddress', '10.0.0.0/33'],
      ['IpAddress', '10.0.0'],
      ['NotIpAddress', '*'],
    ],
    ...[
      ['IpAddress', '010.0.0.1'],
      ['IpAddress', '::ffff:10.0.0.0/95'],
      ['IpAddress', ''],
    ],
    ...[
      ['BinaryEquals', 'a'],
      ['BinaryEquals', 'QUJ$'],
      ['BinaryEquals', 'Q==='],
    ],
  ] as [string, string][])('with %s %j', (operator, value) => {
    expect(refusal({ [operator]: { 'a:b': value } })).toEqual(legacy);
  });

  test('with a key of no vendor', () => {
    expect(refusal({ StringEquals: { username: 'x' } })).toEqual({
      fault: 'syntax',
      message: 'Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.',
    });
  });
});
