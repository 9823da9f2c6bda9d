import { accountOf, recordedResource } from '../../src/audit/resources';

const accountId = '111122223333';

test.each([
  [`arn:aws:kms:eu-west-1:${accountId}:key/k`, 'AWS::KMS::Key'],
  [`arn:aws:kms:eu-west-1:${accountId}:alias/a/b`, 'AWS::KMS::Key'],
  [`arn:aws:iam::${accountId}:user/path/alice`, 'AWS::IAM::User'],
  [`arn:aws:iam::${accountId}:role/admin`, 'AWS::IAM::Role'],
  [`arn:aws:iam::${accountId}:group/team`, 'AWS::IAM::Group'],
  [`arn:aws:iam::aws:policy/AdministratorAccess`, 'AWS::IAM::Policy'],
  [`arn:aws:iam::${accountId}:oidc-provider/issuer.example:8443/id`, 'AWS::IAM::OIDCProvider'],
])('%s is recorded as %s', (arn, type) => {
  expect(recordedResource({ accountId, arn })).toEqual({ accountId, type, ARN: arn });
});

test.each([
  `arn:aws:iam::${accountId}:root`,
  `arn:aws:sts::${accountId}:role/x`,
  `arn:aws:kms:eu-west-1:${accountId}:user/x`,
  'key/k',
  '',
])('%p is recorded without a type', (arn) => {
  expect(recordedResource({ accountId, arn })).toEqual({ accountId, ARN: arn });
});

test('the account of a resource is the one that its ARN names', () => {
  expect(accountOf('arn:aws:iam::444455556666:role/x', accountId)).toBe('444455556666');
  expect(accountOf('arn:aws:iam::aws:policy/x', accountId)).toBe(accountId);
  expect(accountOf('*', accountId)).toBe(accountId);
});
