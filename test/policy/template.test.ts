import { compileText, parseTemplate } from '../../src/policy/template';
import { contextOf, policyKeyArn, statementAllows, type Values } from '../support/policies';

const matches = (pattern: string, actual: string, values: Values = {}): boolean =>
  compileText(pattern, { variables: true, wildcards: true })(actual, contextOf(values));

describe('a variable', () => {
  test.each<[pattern: string, actual: string, values: Values, matches: boolean]>([
    ['${aws:username}', 'alice', { 'aws:username': 'alice' }, true],
    ['${aws:username}', 'bob', { 'aws:username': 'alice' }, false],
    ['${AWS:UserName}', 'alice', { 'aws:username': 'alice' }, true],
    ['${ aws:username }', 'alice', { 'aws:username': 'alice' }, true],
    ['a/${aws:username}/*', 'a/alice/x', { 'aws:username': 'alice' }, true],
    ['${a:b}${a:c}', 'xy', { 'a:b': 'x', 'a:c': 'y' }, true],
    ['${aws:PrincipalTag/a b}', 'x', { 'aws:PrincipalTag/a b': 'x' }, true],
    ["${a:b, 'text'}", 'text', {}, true],
    ["${a:b, 'text'}", 'x', { 'a:b': 'x' }, true],
    ["${a:b, 'text'}", 'text', { 'a:b': 'x' }, false],
    ["${a:b,'text'}*", 'text-1', {}, true],
    ["${a:b, ''}", '', {}, true],
    ["${a:b, 'a, b'}", 'a, b', {}, true],
    ['${a:b, text}', 'text', {}, false],
    ["${a:b, '}", "'", {}, false],
    ['${*}${?}${$}', '*?$', {}, true],
    ['${*}', 'x', {}, false],
    ['${$}{a:b}', '${a:b}', { 'a:b': 'x' }, true],
    ['$', '$', {}, true],
    ['${', '${', {}, true],
    ['${a:b', '${a:b', { 'a:b': 'x' }, true],
    ['$a:b}', '$a:b}', {}, true],
    ['}${a:b}{', '}x{', { 'a:b': 'x' }, true],
    ['${}', '', {}, false],
    ['${}', '${}', {}, false],
  ])('%j and the text %j with %j: %j', (pattern, actual, values, expected) => {
    expect(matches(pattern, actual, values)).toBe(expected);
  });

  test.each<[what: string, values: Values]>([
    ['absent', {}],
    ['empty', { 'a:b': '' }],
    ['multi-valued', { 'a:b': ['x'] }],
    ['an empty list', { 'a:b': [] }],
  ])('matches nothing where the key is %s, unless it has a default', (_what, values) => {
    for (const actual of ['', 'x', '${a:b}', 'undefined']) {
      expect(matches('${a:b}', actual, values)).toBe(false);
      expect(matches('*${a:b}*', actual, values)).toBe(false);
    }
    expect(matches("*${a:b, 'x'}", 'yx', values)).toBe(true);
  });

  test('brings no wildcards, whatever its value', () => {
    expect(matches('${a:b}', 'anything', { 'a:b': '*' })).toBe(false);
    expect(matches('${a:b}', '*', { 'a:b': '*' })).toBe(true);
    expect(matches('x-${a:b}-*', 'x-yy-z', { 'a:b': '?*' })).toBe(false);
    expect(matches('x-${a:b}-*', 'x-?*-z', { 'a:b': '?*' })).toBe(true);
    expect(matches("${a:b, '*'}", 'anything')).toBe(false);
  });

  test('is not looked for in the value of another', () => {
    expect(matches('${a:b}', 'y', { 'a:b': '${a:c}', 'a:c': 'y' })).toBe(false);
    expect(matches('${a:b}', '${a:c}', { 'a:b': '${a:c}', 'a:c': 'y' })).toBe(true);
  });

  test('is text where the version has none, and a star in it a wildcard', () => {
    const pieces = parseTemplate('${a:b}${*}', { variables: false, wildcards: true });
    expect(pieces).toEqual([{ literal: '${a:b}${' }, { wildcard: 'any run' }, { literal: '}' }]);
  });
});

describe('variables of a statement', () => {
  const values = { 'aws:username': 'alice', 'aws:PrincipalTag/key': policyKeyArn.slice(-36) };
  const byTag = 'arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/Key}';

  test('stand in Resource', () => {
    expect(statementAllows({ Resource: byTag }, values)).toBe(true);
    expect(statementAllows({ Resource: byTag }, { 'aws:PrincipalTag/key': '*' })).toBe(false);
    expect(statementAllows({ Resource: byTag })).toBe(false);
    expect(statementAllows({ Resource: byTag }, values, '2008-10-17')).toBe(false);
  });

  test('stand in NotResource, where one without a value allows nothing and denies', () => {
    const other = 'arn:aws:kms:us-east-1:111122223333:key/${aws:PrincipalTag/Other}';
    const not = { Resource: undefined, NotResource: [other] };
    expect(statementAllows(not, { 'aws:PrincipalTag/Other': 'x' })).toBe(true);
    expect(statementAllows({ ...not, NotResource: [byTag] }, values)).toBe(false);
    expect(statementAllows(not)).toBe(false);
    expect(statementAllows({ ...not, NotResource: ['arn:aws:s3:::a', other] })).toBe(false);
    expect(statementAllows(not, {}, '2008-10-17')).toBe(true);
  });

  test.each<[operator: string, value: string, actual: string, holds: boolean]>([
    ['StringEquals', '${aws:username}', 'alice', true],
    ['StringEquals', '${aws:username}', 'bob', false],
    ['StringEquals', '${*}', '*', true],
    ['StringEqualsIgnoreCase', '${aws:username}', 'ALICE', true],
    ['StringEqualsIgnoreCase', '${aws:nothing}', 'ALICE', false],
    ['StringLike', '${aws:username}-*', 'alice-1', true],
    ['StringLike', 'a${*}c', 'abc', false],
    ['StringLike', 'a${*}c', 'a*c', true],
    ['StringNotEquals', '${aws:username}', 'alice', false],
    ['StringNotEquals', '${aws:nothing}', 'alice', true],
    ['StringNotLike', '${aws:nothing}*', 'alice', true],
    ['ArnLike', 'arn:aws:iam::*:user/${aws:username}', 'arn:aws:iam::1:user/alice', true],
    ['ArnLike', 'arn:aws:iam::*:user/${aws:username}', 'arn:aws:iam::1:user/bob', false],
    ['ArnLike', 'arn:aws:iam::${aws:username}:*', 'arn:aws:iam::alice:x', true],
    ['ArnEquals', '${a:arn}', 'arn:aws:s3:::b', true],
    ['ArnEquals', '${a:arn}', 'arn:aws:s3:::c', false],
    ['ArnEquals', '${a:arn}*', 'arn:aws:s3:::b', false],
    ['ArnLike', 'arn:aws:s3::${a:colons}', 'arn:aws:s3::x:b', false],
    ['ArnLike', 'arn:aws:s3::${a:colons}:b', 'arn:aws:s3::x:b:b', false],
    ['ArnNotLike', 'arn:aws:iam::*:user/${aws:nothing}', 'arn:aws:iam::1:user/', true],
    ['Bool', '${a:flag}', 'true', true],
    ['Bool', '${a:flag}', 'false', false],
  ])('stand in %s %j of %j: %j', (operator, value, actual, expected) => {
    const given = { ...values, 'a:arn': 'arn:aws:s3:::b', 'a:colons': 'x:b', 'a:flag': 'True' };
    const Condition = { [operator]: { 'a:b': value } };
    expect(statementAllows({ Condition }, { ...given, 'a:b': actual })).toBe(expected);
  });

  test('are no variables of a 2008 document', () => {
    const Condition = { StringEquals: { 'a:b': '${aws:username}' } };
    const ask = (actual: string): boolean =>
      statementAllows({ Condition }, { ...values, 'a:b': actual }, '2008-10-17');
    expect(ask('alice')).toBe(false);
    expect(ask('${aws:username}')).toBe(true);
  });
});
