import { keyRow } from '../../hsm/algorithms/key-rows';
import { HsmError } from '../../hsm/errors';
import { type Bench, proveKind } from '../../hsm/known-answers/kinds';
import { call, tokenLost } from '../../hsm/return-values';

const row = keyRow({ spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY' });

/** What a PKCS#11 function that returned this value throws. */
const returned = (fn: string, name: string, code: number): unknown => {
  try {
    return call(fn, () => {
      throw Object.assign(new Error(name), { code });
    });
  } catch (error) {
    return error;
  }
};

/** A session in which everything fails with these, one after the other. */
function benchOf(faults: readonly unknown[], isHealthy = true): Bench & { sessions: number } {
  const bench = {
    sessions: 0,
    inSession: (): never => {
      const fault = faults[Math.min(bench.sessions, faults.length - 1)];
      bench.sessions += 1;
      throw fault as Error;
    },
    assertHealthy: () => {
      if (!isHealthy) throw tokenLost('C_GetTokenInfo: CKR_GENERAL_ERROR');
    },
    discard: () => undefined,
  };
  return bench;
}

const generalError = returned('C_Sign', 'CKR_GENERAL_ERROR', 5);
const mechanismInvalid = returned('C_SignInit', 'CKR_MECHANISM_INVALID', 0x70);
const operationActive = returned('C_SignInit', 'CKR_OPERATION_ACTIVE', 0x90);

test('a refusal is believed at once', () => {
  const bench = benchOf([mechanismInvalid]);
  expect(proveKind(row, bench)).toEqual({
    ECDSA_SHA_256: {
      supported: false,
      detour: false,
      mechanism: 'CKM_ECDSA with P-256',
      note: 'C_SignInit: CKR_MECHANISM_INVALID',
    },
  });
  expect(bench.sessions).toBe(1);
});

test.each([
  ['a failure that tells nothing', generalError, 'C_Sign: CKR_GENERAL_ERROR'],
  ['an operation left active', operationActive, 'C_SignInit: CKR_OPERATION_ACTIVE'],
])('%s is believed when it comes twice', (_name, fault, note) => {
  const bench = benchOf([fault]);
  expect(proveKind(row, bench)['ECDSA_SHA_256']).toMatchObject({ supported: false, note });
  expect(bench.sessions).toBe(2);
});

test('the second failure is the one that is told', () => {
  expect(proveKind(row, benchOf([generalError, mechanismInvalid]))['ECDSA_SHA_256']).toMatchObject({
    note: 'C_SignInit: CKR_MECHANISM_INVALID',
  });
});

test.each([
  ['refuses', mechanismInvalid],
  ['fails', generalError],
])('a token in trouble that %s is not taken for one that lacks the mechanism', (_name, fault) => {
  expect(() => proveKind(row, benchOf([fault], false))).toThrow(
    new HsmError('token-unavailable', 'C_GetTokenInfo: CKR_GENERAL_ERROR'),
  );
});

test('no session to be had proves nothing', () => {
  const fault = returned('C_OpenSession', 'CKR_SESSION_COUNT', 0xb1);
  expect(() => proveKind(row, benchOf([fault]))).toThrow('C_OpenSession: CKR_SESSION_COUNT');
});

test('a fault of the program is one', () => {
  expect(() => proveKind(row, benchOf([new TypeError('a mistake')]))).toThrow('a mistake');
});
