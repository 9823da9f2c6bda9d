import { compileKeyPolicy, defaultKeyPolicy } from '../../src/policy/document';
import { accountId, keyId, otherAccountId, place, rootOf, userOf } from '../support/sample-keys';
import { refusalOf } from '../support/refusal';

const keyArn = `arn:aws:kms:us-east-1:${accountId}:key/${keyId}`;
const root = rootOf(accountId);
const alice = userOf(accountId, 'alice');
const stranger = rootOf(otherAccountId);

const allow = {
  Effect: 'Allow',
  Principal: { AWS: root.arn },
  Action: 'kms:*',
  Resource: '*',
};

const compile = (...statements: unknown[]): ReturnType<typeof compileKeyPolicy> =>
  compileKeyPolicy(JSON.stringify({ Statement: statements }), place, keyArn);

const refusal = (document: unknown): Promise<{ code: string; message: string }> =>
  refusalOf(() => compileKeyPolicy(JSON.stringify(document), place, keyArn));

const malformed = { code: 'MalformedPolicyDocumentException', message: '' };

test('the default policy is AWS’s, letter for letter, and leaves all to the account', () => {
  const text = defaultKeyPolicy(place, accountId);
  expect(text).toBe(
    [
      '{',
      '  "Version" : "2012-10-17",',
      '  "Id" : "key-default-1",',
      '  "Statement" : [ {',
      '    "Sid" : "Enable IAM User Permissions",',
      '    "Effect" : "Allow",',
      '    "Principal" : {',
      `      "AWS" : "arn:aws:iam::${accountId}:root"`,
      '    },',
      '    "Action" : "kms:*",',
      '    "Resource" : "*"',
      '  } ]',
      '}',
    ].join('\n'),
  );
  const policy = compileKeyPolicy(text, place, keyArn);
  expect(policy.text).toBe(text);
  expect(policy.principals).toEqual([root.arn]);
  expect(policy.decide(root, 'kms:Encrypt')).toBe('allow');
  expect(policy.decide(alice, 'kms:Encrypt')).toBe('delegated');
  expect(policy.decide(stranger, 'kms:Encrypt')).toBe('none');
});

describe('a decision', () => {
  test('for a principal that is named is to allow', () => {
    const policy = compile({ ...allow, Principal: { AWS: [alice.arn] } });
    expect(policy.decide(alice, 'kms:Encrypt')).toBe('allow');
    expect(policy.decide(root, 'kms:Encrypt')).toBe('none');
  });

  test.each([['*'], [{ AWS: '*' }], [{ AWS: [alice.arn, '*'] }]])(
    'for everyone (%j) reaches other accounts',
    (Principal) => {
      expect(compile({ ...allow, Principal }).decide(stranger, 'kms:Encrypt')).toBe('allow');
    },
  );

  test('a deny wins wherever it stands', () => {
    const deny = { ...allow, Effect: 'Deny', Principal: { AWS: alice.arn }, Action: 'kms:Decrypt' };
    for (const statements of [
      [allow, deny],
      [deny, allow],
      [{ ...allow, Principal: '*' }, deny],
    ]) {
      const policy = compile(...statements);
      expect(policy.decide(alice, 'kms:Decrypt')).toBe('explicit-deny');
      expect(policy.decide(alice, 'kms:Encrypt')).not.toBe('explicit-deny');
    }
  });

  test('a deny of the account denies everyone in it', () => {
    const policy = compile({ ...allow, Principal: '*' }, { ...allow, Effect: 'Deny' });
    expect(policy.decide(alice, 'kms:Encrypt')).toBe('explicit-deny');
    expect(policy.decide(stranger, 'kms:Encrypt')).toBe('allow');
  });

  test('an account id is its root', () => {
    const policy = compile({ ...allow, Principal: { AWS: accountId } });
    expect(policy.principals).toEqual([root.arn]);
    expect(policy.decide(alice, 'kms:Encrypt')).toBe('delegated');
  });

  test('actions match without case and with wildcards, and as a whole', () => {
    const policy = compile({ ...allow, Action: ['KMS:re*From', 'kms:Describe?ey'] });
    expect(policy.decide(root, 'kms:ReEncryptFrom')).toBe('allow');
    expect(policy.decide(root, 'kms:DescribeKey')).toBe('allow');
    expect(policy.decide(root, 'kms:ReEncryptTo')).toBe('none');
    expect(policy.decide(root, 'kms:DescribeKeys')).toBe('none');
  });

  test.each([
    ['the key’s own ARN', keyArn, 'allow'],
    ['another key', `${keyArn.slice(0, -1)}0`, 'none'],
    ['a pattern', 'arn:aws:kms:*', 'none'],
    ['a list with *', ['x', '*'], 'allow'],
    ['no resource', undefined, 'none'],
  ])('a statement on %s: %s', (_what, Resource, decision) => {
    expect(compile({ ...allow, Resource }).decide(root, 'kms:Encrypt')).toBe(decision);
  });

  test('a statement without an action is inert', () => {
    expect(compile({ ...allow, Action: undefined }).decide(root, 'kms:Encrypt')).toBe('none');
  });
});

describe('a document is malformed', () => {
  test.each(['', '{', 'null', '[]', '"text"', '1', '{}', '{"Statement":[]}'])(
    'as %j',
    async (text) => {
      expect(await refusalOf(() => compileKeyPolicy(text, place, keyArn))).toEqual(malformed);
    },
  );

  test.each<[string, unknown]>([
    ['a version of its own', { Version: '2013-01-01', Statement: allow }],
    ['a member that policies do not have', { Statement: allow, statement: allow }],
    ['a statement that is a list', { Statement: [[allow]] }],
    ['a statement that is text', { Statement: 'Allow' }],
    ['a member that statements do not have', { Statement: { ...allow, effect: 'Deny' } }],
    ['another effect', { Statement: { ...allow, Effect: 'allow' } }],
    ['no effect', { Statement: { ...allow, Effect: undefined } }],
    ['no principal', { Statement: { ...allow, Principal: undefined } }],
    ['an empty principal', { Statement: { ...allow, Principal: {} } }],
    ['an empty list of principals', { Statement: { ...allow, Principal: { AWS: [] } } }],
    ['a principal that is no text', { Statement: { ...allow, Principal: { AWS: [1] } } }],
    ['an action that is no text', { Statement: { ...allow, Action: [{}] } }],
  ])('with %s', async (_what, document) => {
    expect(await refusal(document)).toEqual(malformed);
  });
});

test.each(['nobody', 'user/alice', '12345', 'AIDAEXAMPLE', ''])(
  'the principal %j is invalid',
  async (AWS) => {
    expect(await refusal({ Statement: { ...allow, Principal: { AWS } } })).toEqual({
      code: 'MalformedPolicyDocumentException',
      message: 'Policy contains a statement with one or more invalid principals.',
    });
  },
);

test.each([
  'arn:aws:iam::1:root',
  `arn:aws:iam::${accountId}:group/admins`,
  `arn:aws:iam::${accountId}:user/`,
  `arn:aws:iam::${accountId}:user/a b`,
  'arn:aws:iam::*:root',
  'arn:',
])('the principal %j is no ARN of one', async (AWS) => {
  expect(await refusal({ Statement: { ...allow, Principal: { AWS } } })).toEqual({
    code: 'InvalidArnException',
    message: 'An ARN in the specified key policy is invalid.',
  });
});

test.each(['Condition', 'NotPrincipal', 'NotAction', 'NotResource'])(
  '%s is refused by name and never ignored',
  async (member) => {
    expect(await refusal({ Statement: { ...allow, [member]: {} } })).toEqual({
      code: 'UnsupportedOperationException',
      message: `Key policies with the element ${member} are not supported.`,
    });
  },
);

test.each(['Service', 'Federated', 'CanonicalUser', '__proto__'])(
  'principals of the kind %s are refused',
  async (kind) => {
    const Principal = JSON.parse(`{"AWS":"*","${kind}":"x"}`) as unknown;
    expect(await refusal({ Statement: { ...allow, Principal } })).toEqual({
      code: 'UnsupportedOperationException',
      message: 'Key policies with principals other than AWS are not supported.',
    });
  },
);

test('a policy may have 32768 bytes and no more', async () => {
  const text = JSON.stringify({ Statement: allow });
  const padded = text + ' '.repeat(32_768 - text.length);
  expect(compileKeyPolicy(padded, place, keyArn).decide(root, 'kms:Encrypt')).toBe('allow');
  expect(await refusalOf(() => compileKeyPolicy(`${padded} `, place, keyArn))).toEqual({
    code: 'LimitExceededException',
    message: 'The key policy is larger than 32768 bytes.',
  });
});
