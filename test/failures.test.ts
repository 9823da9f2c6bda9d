import { HsmError, type HsmErrorCode } from '../hsm';
import { DatabaseError, type DatabaseErrorCode } from '../src/db';
import { KmsError } from '../src/errors';
import { outcomeUnknown, toKmsError } from '../src/failures';

const internal = [
  'KMSInternalException',
  'The request failed because of an internal error. You can retry the request.',
];
const timedOut = [
  'DependencyTimeoutException',
  'The system timed out while trying to fulfill the request. You can retry the request.',
];

const ofToken: Readonly<Record<HsmErrorCode, readonly string[]>> = {
  'token-unavailable': internal,
  deadline: timedOut,
  busy: ['ThrottlingException', 'Rate exceeded'],
  'key-not-found': [
    'KeyUnavailableException',
    'The request was rejected because the KMS key was not available. You can retry the request.',
  ],
  'duplicate-key': internal,
  'ciphertext-invalid': ['InvalidCiphertextException', ''],
  'mechanism-missing': ['UnsupportedOperationException', 'C_Encrypt: CKR_MECHANISM_INVALID'],
  'material-invalid': internal,
  'not-exportable': internal,
  'pin-incorrect': internal,
  'import-not-unwrapped': ['InvalidCiphertextException', ''],
  'import-size': ['ValidationException', 'Invalid encrypted key size.'],
  'import-material-wrong': ['IncorrectKeyMaterialException', ''],
  failed: internal,
};

const ofDatabase: Readonly<Record<DatabaseErrorCode, readonly string[]>> = {
  unavailable: internal,
  timeout: timedOut,
  'unique-violation': internal,
  serialization: internal,
  failed: internal,
};

const hsmCodes = Object.keys(ofToken) as HsmErrorCode[];
const databaseCodes = Object.keys(ofDatabase) as DatabaseErrorCode[];

test.each(hsmCodes)('a token failure %s has a KMS error that keeps the cause inside', (code) => {
  const cause = new HsmError(code, 'C_Encrypt: CKR_MECHANISM_INVALID');
  const error = toKmsError(cause);
  expect([error.code, error.message]).toEqual(ofToken[code]);
  expect(error.cause).toBe(cause);
});

test('what is too long or too short to be key material is told of by its member', () => {
  const detail = 'Invalid encrypted key size.';
  expect(toKmsError(new HsmError('import-size', 'C_UnwrapKey')).violations).toEqual([
    { pointer: '/EncryptedKeyMaterial', detail },
  ]);
});

test.each(databaseCodes)('a database failure %s has a KMS error without its message', (code) => {
  const cause = new DatabaseError(code, 'relation "kms_key" does not exist');
  const error = toKmsError(cause);
  expect([error.code, error.message]).toEqual(ofDatabase[code]);
  expect(error.cause).toBe(cause);
});

test('a KMS error stays what it is', () => {
  const error = new KmsError('DisabledException', 'x is disabled.');
  expect(toKmsError(error)).toBe(error);
});

test.each([new TypeError('secret value'), 'a string', undefined, null, 42])(
  'the unforeseen %p is an opaque internal error',
  (thrown) => {
    const error = toKmsError(thrown);
    expect([error.code, error.message]).toEqual(internal);
    expect(error.cause).toBe(thrown);
  },
);

test('only a commit whose answer never came has an unknown outcome', () => {
  expect(outcomeUnknown(new DatabaseError('unavailable', '', { outcomeUnknown: true }))).toBe(true);
  expect(outcomeUnknown(new DatabaseError('unavailable', ''))).toBe(false);
  expect(outcomeUnknown(new HsmError('token-unavailable', ''))).toBe(false);
  expect(outcomeUnknown(new Error('unavailable'))).toBe(false);
});
