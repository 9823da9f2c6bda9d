import {
  checkIdentityPolicy,
  checkManagedPolicy,
  documentSize,
  readTrustPolicy,
} from '../../src/iam/documents';
import { allowing, malformedPolicies, padded, trusting } from '../support/iam-documents';
import { refusalOf } from '../support/refusal';
import { place } from '../support/sample-keys';

const malformed = (message: string) => ({ code: 'MalformedPolicyDocument', message });

test.each([
  ['', 0],
  [' \t\r\n', 0],
  ['{ "a" : "b c" }', 10],
  ['\u00e9\u00a0\u0085', 3],
])('The size of %j is %d: white space does not count', (document, size) => {
  expect(documentSize(document)).toBe(size);
});

test('The size of a document is what the database counts too', () => {
  expect(documentSize(padded(allowing('kms:*'), 2048))).toBe(2048);
});

test.each(malformedPolicies)('%s is no policy', async (_, document, message) => {
  expect(await refusalOf(() => checkIdentityPolicy(document))).toEqual(malformed(message));
  expect(await refusalOf(() => checkManagedPolicy(document))).toEqual(malformed(message));
});

test('Managed policies are of the newest version, inline policies may be older', async () => {
  const old = allowing('kms:*').replace('2012-10-17', '2008-10-17');
  checkIdentityPolicy(old);
  expect(await refusalOf(() => checkManagedPolicy(old))).toEqual(
    malformed('Policy document must be version 2012-10-17 or greater.'),
  );
});

test('A trust policy says whom it names', () => {
  const principal = {
    AWS: ['111122223333', 'arn:aws:iam::111122223333:user/a'],
    Service: 'backup.claviger.internal',
    Federated: 'arn:aws:iam::111122223333:oidc-provider/example.com',
  };
  expect(readTrustPolicy(trusting(principal), place)).toMatchObject({
    principals: ['arn:aws:iam::111122223333:root', 'arn:aws:iam::111122223333:user/a'],
    services: ['backup.claviger.internal'],
    federated: ['arn:aws:iam::111122223333:oidc-provider/example.com'],
  });
});

test('A trust policy that is too long is told its quota, one that is no JSON that it is none', async () => {
  const long = padded(trusting('*'), 2049);
  expect(await refusalOf(() => readTrustPolicy(long, place))).toEqual({
    code: 'LimitExceeded',
    message: 'Cannot exceed quota for ACLSizePerRole: 2048',
  });
  expect(await refusalOf(() => readTrustPolicy('{', place))).toEqual(
    malformed('This policy contains invalid Json'),
  );
});
