import { parseXksPath } from '../../src/xks/path';

test.each([
  ['/kms/xks/v1/health', { prefix: '', operation: 'GetHealthStatus' }],
  ['/acme/kms/xks/v1/health', { prefix: '/acme', operation: 'GetHealthStatus' }],
  [
    '/a/b-c/D_1/kms/xks/v1/keys/x/metadata',
    { prefix: '/a/b-c/D_1', operation: 'GetKeyMetadata', externalKeyId: 'x' },
  ],
  [
    `/kms/xks/v1/keys/${'k'.repeat(128)}/encrypt`,
    { prefix: '', operation: 'Encrypt', externalKeyId: 'k'.repeat(128) },
  ],
  ['/kms/xks/v1/keys/..k/encrypt', { prefix: '', operation: 'Encrypt', externalKeyId: '..k' }],
  [
    `/${'p'.repeat(116)}/kms/xks/v1/keys/A.b_c-9/decrypt`,
    { prefix: `/${'p'.repeat(116)}`, operation: 'Decrypt', externalKeyId: 'A.b_c-9' },
  ],
])('%s is a URI of the API', (url, path) => {
  expect(parseXksPath(url)).toEqual(path);
});

test.each([
  ['of another version', '/acme/kms/xks/v2/health'],
  ['of version 1 with a zero', '/acme/kms/xks/v01/health'],
  ['without a version', '/acme/kms/xks/health'],
  ['that ends in a slash', '/acme/kms/xks/v1/health/'],
  ['with a query', '/acme/kms/xks/v1/health?x=1'],
  ['with a fragment', '/acme/kms/xks/v1/health#x'],
  ['of an unknown word', '/acme/kms/xks/v1/keys/one/reencrypt'],
  ['in capitals', '/acme/kms/xks/v1/keys/one/Encrypt'],
  ['of no key', '/acme/kms/xks/v1/keys//encrypt'],
  ['of no operation', '/acme/kms/xks/v1/keys/one'],
  ['with a slash too many', '/acme/kms/xks/v1//health'],
  ['with an empty segment in its prefix', '/acme//kms/xks/v1/health'],
  ['with a dot in its prefix', '/a.b/kms/xks/v1/health'],
  ['with dot segments', '/acme/../kms/xks/v1/health'],
  ['of a key that is a dot', '/acme/kms/xks/v1/keys/./encrypt'],
  ['of a key that is two dots', '/acme/kms/xks/v1/keys/../encrypt'],
  ['with an escape in its prefix', '/ac%6De/kms/xks/v1/health'],
  ['with an escape in its key id', '/acme/kms/xks/v1/keys/o%6Ee/encrypt'],
  ['with another character in its key id', '/acme/kms/xks/v1/keys/a:b/encrypt'],
  ['with a key id of 129 characters', `/kms/xks/v1/keys/${'k'.repeat(129)}/encrypt`],
  ['with a prefix of 118 characters', `/${'p'.repeat(117)}/kms/xks/v1/health`],
  ['that is absolute', 'https://xks.example/kms/xks/v1/health'],
  ['that comes twice', '/kms/xks/v1/kms/xks/v1/health'],
  ['without the middle', '/acme/v1/health'],
])('A URL %s is no URI of the API', (_what, url) => {
  expect(parseXksPath(url)).toBeUndefined();
});
