import { HsmError } from '../../hsm/errors';
import { call, faultOf, meaningOf, returnValueOf, TokenFault } from '../../hsm/return-values';

test('one value means different things from different functions', () => {
  expect(meaningOf('C_Decrypt', 'CKR_GENERAL_ERROR')).toEqual({
    code: 'ciphertext-invalid',
    then: 'keep',
    suspect: true,
  });
  expect(meaningOf('C_Encrypt', 'CKR_GENERAL_ERROR')).toEqual({
    code: 'failed',
    then: 'discard',
    suspect: true,
  });
});

test.each([
  ['C_Decrypt', 'CKR_ENCRYPTED_DATA_INVALID', 'ciphertext-invalid', 'keep'],
  ['C_Decrypt', 'CKR_ENCRYPTED_DATA_LEN_RANGE', 'ciphertext-invalid', 'keep'],
  ['C_Decrypt', 'CKR_DATA_LEN_RANGE', 'ciphertext-invalid', 'keep'],
  ['C_EncryptInit', 'CKR_OBJECT_HANDLE_INVALID', 'failed', 'keep'],
  ['C_EncryptInit', 'CKR_OPERATION_ACTIVE', 'failed', 'discard'],
  ['C_Encrypt', 'CKR_ARGUMENTS_BAD', 'failed', 'discard'],
  ['C_Encrypt', 'CKR_DEVICE_REMOVED', 'token-unavailable', 'reinitialise'],
  ['C_GenerateKey', 'CKR_USER_NOT_LOGGED_IN', 'token-unavailable', 'reinitialise'],
  ['C_OpenSession', 'CKR_SESSION_COUNT', 'token-unavailable', 'keep'],
  ['C_EncryptInit', 'CKR_MECHANISM_INVALID', 'mechanism-missing', 'keep'],
  ['C_Login', 'CKR_PIN_LOCKED', 'pin-incorrect', 'keep'],
])('%s: %s is %s and the session is: %s', (fn, name, code, then) => {
  expect(meaningOf(fn, name)).toMatchObject({ code, then });
});

test('an unknown value is shown as a number and doubted', () => {
  const fault = faultOf(
    'C_Encrypt',
    Object.assign(new Error('CKR_VENDOR_DEFINED'), { code: 0x80000123 }),
  );
  expect(fault).toMatchObject({
    code: 'failed',
    message: 'C_Encrypt: CKR 0x80000123',
    meaning: { then: 'discard', suspect: true },
  });
});

test('the value is found in the plain errors of C_CopyObject too', () => {
  expect(returnValueOf(new Error('CKR_ATTRIBUTE_READ_ONLY:16'))).toBe(16);
  expect(returnValueOf({ message: 'CKR_X', code: 5 })).toBe(5);
  expect(returnValueOf(new TypeError('Argument 1 has wrong type'))).toBeUndefined();
  expect(returnValueOf('text')).toBeUndefined();
});

test('what is no return value still becomes an HsmError that names the function', () => {
  const fail = (): never => {
    throw new TypeError('Argument 1 has wrong type\n  at secret');
  };
  expect(() => call('C_CopyObject', fail)).toThrow(
    new HsmError('failed', 'C_CopyObject: Argument 1 has wrong type'),
  );
});

test('an HsmError passes as it is', () => {
  const error = new HsmError('duplicate-key', 'two');
  expect(faultOf('C_FindObjects', error)).toBe(error);
  expect(faultOf('C_FindObjects', new Error('CKR_DEVICE_ERROR:48'))).toBeInstanceOf(TokenFault);
});
