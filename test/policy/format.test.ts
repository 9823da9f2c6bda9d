import { compileKeyPolicy, defaultKeyPolicy, formatPolicy } from '../../src/policy/compile';
import { faultOf, namesOf, policyKeyArn, contextOf } from '../support/policies';
import { accountId, place, rootOf } from '../support/sample-keys';

const lines = (...text: string[]): string => text.join('\n');

test('the default policy is AWS’s, letter for letter, and leaves all to the account', () => {
  const text = defaultKeyPolicy(place, accountId);
  expect(text).toBe(
    lines(
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
    ),
  );
  const policy = compileKeyPolicy(text, place);
  const root = rootOf(accountId).arn;
  expect(policy.principals).toEqual([root]);
  const question = { action: 'kms:encrypt', resource: policyKeyArn, context: contextOf() };
  expect(policy.ask(question, namesOf({ account: root }))).toEqual({
    denied: false,
    allowed: 'account',
  });
  expect(policy.ask(question, namesOf()).allowed).toBe('none');
});

test('a policy comes back in AWS’s layout, in its own order', () => {
  const text =
    '{"Statement":[{"Sid":"a","Action":["kms:Encrypt","kms:Decrypt"],"Condition":{"Bool":{"aws:SecureTransport":[true,"false"]},"NumericLessThan":{"a:b":1.50,"10":2,"9":[]}}},{}],"Version":"2012-10-17"}';
  expect(formatPolicy(text, place)).toBe(
    lines(
      '{',
      '  "Statement" : [ {',
      '    "Sid" : "a",',
      '    "Action" : [ "kms:Encrypt", "kms:Decrypt" ],',
      '    "Condition" : {',
      '      "Bool" : {',
      '        "aws:SecureTransport" : [ true, "false" ]',
      '      },',
      '      "NumericLessThan" : {',
      '        "a:b" : 1.50,',
      '        "10" : 2,',
      '        "9" : [ ]',
      '      }',
      '    }',
      '  }, { } ],',
      '  "Version" : "2012-10-17"',
      '}',
    ),
  );
});

describe('principals come back', () => {
  const root = `arn:aws:iam::${accountId}:root`;
  const format = (Statement: unknown): unknown => {
    const text = formatPolicy(JSON.stringify({ Statement }), place);
    return (JSON.parse(text) as { Statement: unknown }).Statement;
  };

  test.each<[given: unknown, kept: unknown]>([
    ['*', { AWS: '*' }],
    [{ AWS: '*' }, { AWS: '*' }],
    [{ AWS: accountId }, { AWS: root }],
    [{ AWS: [accountId, 'arn:aws:iam::1:x', '*'] }, { AWS: [root, 'arn:aws:iam::1:x', '*'] }],
    [{ AWS: ['AIDACKCEVSQ6C2EXAMPLE'] }, { AWS: ['AIDACKCEVSQ6C2EXAMPLE'] }],
    [
      { Service: accountId, AWS: accountId },
      { Service: accountId, AWS: root },
    ],
  ])('%j as %j', (given, kept) => {
    const others = { Effect: 'Allow', Resource: accountId };
    expect(format([{ ...others, Principal: given }])).toEqual([{ ...others, Principal: kept }]);
    expect(format({ NotPrincipal: given })).toEqual({ NotPrincipal: kept });
  });

  test('as they are where they stand elsewhere', () => {
    const Condition = { StringEquals: { 'kms:CallerAccount': accountId, Principal: '*' } };
    expect(format({ Condition })).toEqual({ Condition });
  });
});

test('a policy that comes back can be put again, and comes back the same', () => {
  const text = JSON.stringify({ Id: 'quote " slash \\ tab \t ünï ☃ \u0000', Statement: [] });
  const once = formatPolicy(text, place);
  expect(once).toMatch(/^[\t\n\r\u0020-\u00ff]*$/);
  expect(JSON.parse(once)).toEqual(JSON.parse(text));
  expect(formatPolicy(once, place)).toBe(once);
});

test.each(['', '{', '{"a":1,"a":2}', '['.repeat(100_000)])('%j is no policy', (text) => {
  expect(faultOf(() => formatPolicy(text, place))).toEqual({
    fault: 'syntax',
    message: 'Syntax errors in policy.',
  });
});
