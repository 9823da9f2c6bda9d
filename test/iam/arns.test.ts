import { entityArn, parsePolicyArn, policyArn, readPolicyArn } from '../../src/iam/arns';
import { refusalOf } from '../support/refusal';
import { accountId, place } from '../support/sample-keys';

test('The ARN of an entity has its path', () => {
  const entity = { accountId, kind: 'role', name: 'a' } as const;
  expect(entityArn(place, entity, '/')).toBe(`arn:aws:iam::${accountId}:role/a`);
  expect(entityArn(place, entity, '/b/c/')).toBe(`arn:aws:iam::${accountId}:role/b/c/a`);
});

test.each([
  [{ accountId: undefined, path: '/', name: 'AdministratorAccess' }],
  [{ accountId, path: '/', name: 'a+=,.@_-b' }],
  [{ accountId, path: '/a/b/', name: 'c' }],
])('The ARN of the policy %j is read back', (policy) => {
  expect(parsePolicyArn(place, policyArn(place, policy))).toEqual({ ...policy, partition: 'aws' });
});

test.each([
  'AdministratorAccess',
  'arn:aws:iam::aws:policy',
  'arn:aws:iam::aws:policy/',
  'arn:aws:iam::aws:policy/a/',
  'arn:aws:iam::aws:policy/a b',
  'arn:aws:iam::AWS:policy/a',
  'arn:aws:iam::1234:policy/a',
  'arn:aws:iam:us-east-1:aws:policy/a',
  'arn:aws:kms::aws:policy/a',
  'arn:aws:iam::aws:role/a',
  'arn:aws:iam::aws:policy/a\n',
  'arn:aws:iam::aws:policy/\u00e9/a',
  `arn:aws:iam::aws:policy/${'a'.repeat(129)}`,
])('%p is no ARN of a policy', async (arn) => {
  expect(readPolicyArn(arn)).toBeUndefined();
  expect(await refusalOf(() => parsePolicyArn(place, arn))).toEqual({
    code: 'ValidationException',
    message: `ARN ${arn} is not valid.`,
  });
});

test('The ARN of a policy of another partition is refused', async () => {
  const arn = 'arn:aws-cn:iam::aws:policy/AdministratorAccess';
  expect(readPolicyArn(arn)).toBeDefined();
  expect(await refusalOf(() => parsePolicyArn(place, arn))).toMatchObject({
    code: 'ValidationException',
  });
});
