import { HsmError } from '../../hsm';
import { DatabaseError } from '../../src/db';
import { KmsError } from '../../src/errors';
import { XksError, xksStatuses } from '../../src/xks/errors';
import { toXksError } from '../../src/xks/failures';

/** What lies behind a refusal is its cause, and never part of what the client reads. */
test.each([
  ['a token that is away', new HsmError('token-unavailable', 'C_Login: x'), 'InternalException'],
  ['a token that takes too long', new HsmError('deadline', 'x'), 'DependencyTimeoutException'],
  ['a token with too much to do', new HsmError('busy', 'x'), 'ThrottlingException'],
  ['a wrong tag', new HsmError('ciphertext-invalid', 'C_Decrypt: x'), 'InvalidCiphertextException'],
  [
    'a token that cannot',
    new HsmError('mechanism-missing', 'CKM_AES_GCM'),
    'UnsupportedOperationException',
  ],
  ['a lost object', new HsmError('key-not-found', 'x'), 'InternalException'],
  ['a database that is away', new DatabaseError('unavailable', 'x'), 'InternalException'],
  ['a slow database', new DatabaseError('timeout', 'x'), 'DependencyTimeoutException'],
  [
    'a key in no state for it',
    new KmsError('KMSInvalidStateException', 'x'),
    'InvalidStateException',
  ],
  [
    'the lost token of a custom key store',
    new KmsError('KMSInvalidStateException', 'x', {
      cause: new HsmError('token-unavailable', 'x'),
    }),
    'InternalException',
  ],
  [
    'a slow token of a custom key store',
    new KmsError('KMSInvalidStateException', 'x', { cause: new HsmError('deadline', 'x') }),
    'DependencyTimeoutException',
  ],
  [
    'a custom key store that cannot be connected',
    new KmsError('KMSInvalidStateException', 'x', { cause: new Error('x') }),
    'InternalException',
  ],
  ['what nobody expects of the keyring', new KmsError('TagException', 'x'), 'InternalException'],
  ['a mistake of ours', new TypeError('x is not a function'), 'InternalException'],
  ['what is no error', 'x', 'InternalException'],
])('%s is told by its name alone', (_what, thrown, errorName) => {
  const error = toXksError(thrown);
  expect(error.errorName).toBe(errorName);
  expect(error.cause).toBe(thrown);
  expect(error.message).toMatch(/^The .{10,80}\.$|^There are too many requests\.$/);
  expect(error.message).not.toContain('C_');
});

test('An error of the API stays what it is', () => {
  const error = new XksError('AccessDeniedException', 'no');
  expect(toXksError(error)).toBe(error);
});

test('Every error has the status of the API', () => {
  expect(xksStatuses).toEqual({
    ValidationException: 400,
    InvalidStateException: 400,
    InvalidCiphertextException: 400,
    InvalidKeyUsageException: 400,
    AuthenticationFailedException: 401,
    AccessDeniedException: 403,
    KeyNotFoundException: 404,
    InvalidUriPathException: 404,
    ThrottlingException: 429,
    InternalException: 500,
    UnsupportedOperationException: 501,
    DependencyTimeoutException: 503,
  });
});
