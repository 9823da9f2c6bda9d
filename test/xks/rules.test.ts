import type { RequestMetadata } from '../../src/xks/metadata';
import { RulesFault, denialOf, noRuleMatched, parseRules } from '../../src/xks/rules';
import { rulesLimits } from '../../src/xks/rules-document';

const request: RequestMetadata = {
  kmsRequestId: 'b1946ac9-2f8a-4b1c-9c2e-1f6a0f2d3e4c',
  kmsOperation: 'Encrypt',
  awsPrincipalArn: 'arn:aws:iam::123456789012:role/payments/api',
  kmsKeyArn: 'arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c-0000-4000-8000-000000000001',
  kmsViaService: 'ebs',
};

type Written = Readonly<Record<string, unknown>>;

const rulesOf = (...rules: Written[]) => parseRules(JSON.stringify({ rules }));
const denies = (rules: Written[], about: Partial<RequestMetadata> = {}) =>
  rulesOf(...rules).denies({ ...request, ...about });

function faultsOf(text: string): readonly string[] {
  try {
    parseRules(text);
  } catch (error) {
    if (error instanceof RulesFault) return error.faults;
    throw error;
  }
  return [];
}

const ofRule = (rule: unknown): readonly string[] => faultsOf(JSON.stringify({ rules: [rule] }));
const named = <T>(cases: readonly (readonly [T, string])[]): { input: T; fault: string }[] =>
  cases.map(([input, fault]) => ({ input, fault }));

const allow = {
  name: 'payments',
  effect: 'allow',
  awsPrincipalArn: 'arn:aws:iam::*:role/payments/*',
};
const deny = { name: 'no-reencrypt', effect: 'deny', kmsOperation: 'ReEncrypt' };

test('where there is an allow rule one must match', () => {
  expect(denies([allow])).toBeUndefined();
  expect(denies([allow], { awsPrincipalArn: 'arn:aws:iam::1:role/billing/x' })).toBe(noRuleMatched);
});

test('where there are deny rules only, what none matches is allowed', () => {
  expect(denies([deny])).toBeUndefined();
  expect(denies([deny], { kmsOperation: 'ReEncrypt' })).toBe('no-reencrypt');
});

test('a deny rule wins, wherever it stands, and the first that matches is named', () => {
  const everything = { name: 'all', effect: 'deny', kmsOperation: '*' };
  expect(denies([allow, deny, everything], { kmsOperation: 'ReEncrypt' })).toBe('no-reencrypt');
  expect(denies([allow, everything, deny], { kmsOperation: 'ReEncrypt' })).toBe('all');
});

test('all members of a rule must match, and one pattern of a list', () => {
  const rule = { ...allow, kmsOperation: ['Decrypt', 'Enc*'], kmsViaService: ['s3', 'e?s'] };
  expect(denies([rule])).toBeUndefined();
  expect(denies([rule], { kmsOperation: 'GenerateDataKey' })).toBe(noRuleMatched);
  expect(denies([rule], { kmsViaService: 'ebs.us-east-1.amazonaws.com' })).toBe(noRuleMatched);
});

test.each(['awsSourceVpc', 'awsSourceVpce', 'kmsViaService', 'kmsKeyArn', 'awsPrincipalArn'])(
  'a request without %s matches no rule about it, whether it allows or denies',
  (member) => {
    const about = { [member]: undefined };
    expect(denies([{ name: 'a', effect: 'allow', [member]: '*' }], about)).toBe(noRuleMatched);
    expect(denies([{ name: 'd', effect: 'deny', [member]: '*' }], about)).toBeUndefined();
    expect(denies([{ name: 'a', effect: 'allow', [member]: '*' }], { [member]: '' })).toBe(
      undefined,
    );
  },
);

test('texts are compared to the letter', () => {
  expect(denies([{ ...allow, kmsOperation: 'encrypt' }])).toBe(noRuleMatched);
  expect(denies([{ ...allow, awsPrincipalArn: 'arn:aws:iam::1:role/payments/*' }])).toBe(
    noRuleMatched,
  );
});

test("a store's and a key's rules must both allow", () => {
  const [store, key] = [rulesOf(deny), rulesOf(allow)];
  expect(denialOf(request, undefined, undefined)).toBeUndefined();
  expect(denialOf(request, store, key)).toBeUndefined();
  expect(denialOf({ ...request, kmsOperation: 'ReEncrypt' }, store, key)).toEqual({
    by: 'store',
    rule: 'no-reencrypt',
  });
  expect(denialOf({ ...request, awsPrincipalArn: 'AWS Internal' }, store, key)).toEqual({
    by: 'key',
    rule: noRuleMatched,
  });
});

test('the document is kept as it was given', () => {
  expect(rulesOf(allow, deny).document).toEqual({ rules: [allow, deny] });
});

test('a document at its bounds is taken', () => {
  const rules = Array.from({ length: rulesLimits.rules }, (_, i) => ({
    name: `r${i}`.padEnd(64, 'x'),
    effect: 'deny',
    kmsOperation: [`*${i}`, ...Array.from({ length: 7 }, (__, j) => `${i}-${j}`)],
  }));
  expect(faultsOf(JSON.stringify({ rules }))).toEqual([]);
  expect(ofRule({ ...deny, kmsKeyArn: 'k'.repeat(2048) })).toEqual([]);
});

test.each(
  named([
    ['', '/ must be JSON'],
    ['{"rules":[}', '/ must be JSON'],
    [
      '{"rules":[],"rules":[]}',
      '/ must not name a member twice, or be nested deeper than rules are',
    ],
    [
      `${'['.repeat(60)}${']'.repeat(60)}`,
      '/ must not name a member twice, or be nested deeper than rules are',
    ],
    [' '.repeat(131_073), '/ must not be longer than 131072 bytes'],
    ['[]', "/ must be an object with the member 'rules'"],
    ['null', "/ must be an object with the member 'rules'"],
    ['{}', '/rules must be a list of 1 to 256 rules'],
    ['{"rules":[]}', '/rules must be a list of 1 to 256 rules'],
    ['{"rules":{}}', '/rules must be a list of 1 to 256 rules'],
    [JSON.stringify({ rules: [deny], Version: '1' }), '/ must not have "Version"'],
  ]),
)('a text is no document: $fault', ({ input, fault }) => {
  expect(faultsOf(input)).toEqual([fault]);
});

const aName = "/rules/0/name must be 1 to 64 letters, digits, '.', '_' or '-'";
const anEffect = "/rules/0/effect must be 'allow' or 'deny'";
const aPattern = 'must be a text of 1 to 2048 characters';

test.each(
  named<unknown>([
    [null, '/rules/0 must be an object'],
    [[], '/rules/0 must be an object'],
    [{ ...deny, name: undefined }, aName],
    [{ ...deny, name: 7 }, aName],
    [{ ...deny, name: 'two words' }, aName],
    [{ ...deny, name: 'x'.repeat(65) }, aName],
    [{ ...deny, effect: 'Deny' }, anEffect],
    [{ ...deny, effect: undefined }, anEffect],
    [{ ...deny, awsPrincipalArns: '*' }, '/rules/0 must not have "awsPrincipalArns"'],
    [
      { name: 'x', effect: 'deny' },
      '/rules/0 must have one of kmsOperation, awsSourceVpc, awsSourceVpce, kmsViaService, awsPrincipalArn, kmsKeyArn',
    ],
    [{ ...deny, kmsOperation: '' }, `/rules/0/kmsOperation ${aPattern}, or a list of them`],
    [{ ...deny, kmsOperation: 1 }, `/rules/0/kmsOperation ${aPattern}, or a list of them`],
    [{ ...deny, kmsOperation: {} }, `/rules/0/kmsOperation ${aPattern}, or a list of them`],
    [{ ...deny, kmsOperation: [] }, '/rules/0/kmsOperation must not be empty'],
    [{ ...deny, kmsOperation: ['a', null] }, `/rules/0/kmsOperation/1 ${aPattern}`],
    [{ ...deny, kmsKeyArn: 'k'.repeat(2049) }, `/rules/0/kmsKeyArn ${aPattern}, or a list of them`],
  ]),
)('a rule is refused: $fault', ({ input, fault }) => {
  expect(ofRule(input)).toEqual([fault]);
});

test('every fault of a document is named, one sentence each', () => {
  const text = JSON.stringify({ rules: [{ ...deny, name: '' }, 5, { ...allow, effect: 1, x: 1 }] });
  expect(faultsOf(text)).toEqual([
    aName,
    '/rules/1 must be an object',
    '/rules/2 must not have "x"',
    "/rules/2/effect must be 'allow' or 'deny'",
  ]);
  expect(() => parseRules(text)).toThrow(`${aName}; /rules/1 must be an object; `);
});

test.each(
  named<unknown>([
    [
      Array.from({ length: 257 }, (_, i) => ({ ...deny, name: `r${i}` })),
      '/rules must be a list of 1 to 256 rules',
    ],
    [[deny, deny, deny], "/rules must not have two rules of the name 'no-reencrypt'"],
    [
      [{ ...deny, kmsOperation: Array.from({ length: 257 }, (_, i) => `${i}*`) }],
      '/rules must not have more than 256 patterns with wildcards',
    ],
    [
      [{ ...deny, kmsOperation: Array.from({ length: 2049 }, (_, i) => `${i}`) }],
      '/rules must not have more than 2048 patterns',
    ],
  ]),
)('what would take long, or could not be told apart, is refused: $fault', ({ input, fault }) => {
  expect(faultsOf(JSON.stringify({ rules: input }))).toEqual([fault]);
});
