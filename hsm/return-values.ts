import { randomFillSync } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { HsmError, type HsmErrorCode } from './errors';

/** What a return value says about the request, the session that saw it, and the token. */
export interface Meaning {
  readonly code: HsmErrorCode;
  /** What happens next to the session; `reinitialise` replaces the whole module state (C_Finalize, C_Initialize, login). */
  readonly then: 'keep' | 'discard' | 'reinitialise';
  /** The value does not tell a refused request from a dead token: ask the token before believing it. */
  readonly suspect?: true;
  /** The object handle is dead: look the key up again. */
  readonly stale?: true;
  /** The token works and will not do this with this object. */
  readonly refused?: true;
  /** The request did nothing and may be made once more. */
  readonly again?: true;
  /** Another process that is logging in may be the reason: look again before believing it. */
  readonly passing?: true;
}

const refused: Meaning = { code: 'failed', then: 'keep', refused: true };
const unexpected: Meaning = { code: 'failed', then: 'discard', suspect: true };
const missing: Meaning = { code: 'mechanism-missing', then: 'keep' };
const gone: Meaning = { code: 'token-unavailable', then: 'reinitialise' };
const staleHandle: Meaning = { code: 'failed', then: 'keep', stale: true, again: true };
const lostSession: Meaning = {
  code: 'token-unavailable',
  then: 'discard',
  suspect: true,
  again: true,
};
const dirtySession: Meaning = { code: 'failed', then: 'discard', again: true };
const badPin: Meaning = { code: 'pin-incorrect', then: 'keep' };
const badCiphertext: Meaning = { code: 'ciphertext-invalid', then: 'keep' };
const badMaterial: Meaning = { code: 'material-invalid', then: 'keep' };

const anywhere: Readonly<Record<string, Meaning>> = {
  CKR_SESSION_HANDLE_INVALID: lostSession,
  CKR_SESSION_CLOSED: lostSession,
  CKR_OPERATION_ACTIVE: dirtySession,
  CKR_OPERATION_NOT_INITIALIZED: dirtySession,
  CKR_OBJECT_HANDLE_INVALID: staleHandle,
  CKR_KEY_HANDLE_INVALID: staleHandle,
  CKR_WRAPPING_KEY_HANDLE_INVALID: staleHandle,
  CKR_UNWRAPPING_KEY_HANDLE_INVALID: staleHandle,
  CKR_SESSION_COUNT: { code: 'token-unavailable', then: 'keep' },
  CKR_USER_NOT_LOGGED_IN: gone,
  CKR_DEVICE_ERROR: gone,
  CKR_DEVICE_MEMORY: gone,
  CKR_DEVICE_REMOVED: gone,
  CKR_TOKEN_NOT_PRESENT: gone,
  CKR_TOKEN_NOT_RECOGNIZED: gone,
  CKR_SLOT_ID_INVALID: gone,
  CKR_CRYPTOKI_NOT_INITIALIZED: gone,
  CKR_PIN_INCORRECT: badPin,
  CKR_PIN_INVALID: badPin,
  CKR_PIN_LEN_RANGE: badPin,
  CKR_PIN_EXPIRED: badPin,
  CKR_PIN_LOCKED: badPin,
  CKR_MECHANISM_INVALID: missing,
  CKR_MECHANISM_PARAM_INVALID: missing,
  CKR_FUNCTION_NOT_SUPPORTED: missing,
  CKR_CURVE_NOT_SUPPORTED: missing,
  CKR_DOMAIN_PARAMS_INVALID: missing,
  CKR_KEY_FUNCTION_NOT_PERMITTED: refused,
  CKR_KEY_TYPE_INCONSISTENT: refused,
  CKR_KEY_SIZE_RANGE: refused,
  CKR_KEY_UNEXTRACTABLE: refused,
  CKR_KEY_NOT_WRAPPABLE: refused,
  CKR_ACTION_PROHIBITED: refused,
  CKR_ATTRIBUTE_READ_ONLY: refused,
  CKR_ATTRIBUTE_SENSITIVE: refused,
  CKR_ATTRIBUTE_TYPE_INVALID: refused,
  CKR_ATTRIBUTE_VALUE_INVALID: refused,
  CKR_TEMPLATE_INCOMPLETE: refused,
  CKR_TEMPLATE_INCONSISTENT: refused,
};

/**
 * SoftHSM 2.6.1 answers a wrong GCM tag with CKR_GENERAL_ERROR, 2.7.0 and others with CKR_ENCRYPTED_DATA_INVALID, NSS a
 * short one with CKR_DATA_LEN_RANGE. A failed C_Decrypt ends its operation (PKCS#11 2.40 §5.9), so the session stays.
 */
const byFunction: Readonly<Record<string, Readonly<Record<string, Meaning>>>> = {
  C_GetTokenInfo: { CKR_GENERAL_ERROR: { ...gone, passing: true } },
  C_Login: { CKR_GENERAL_ERROR: { ...unexpected, passing: true } },
  C_Decrypt: {
    CKR_GENERAL_ERROR: { ...badCiphertext, suspect: true },
    CKR_ENCRYPTED_DATA_INVALID: badCiphertext,
    CKR_ENCRYPTED_DATA_LEN_RANGE: badCiphertext,
    CKR_DATA_INVALID: badCiphertext,
    CKR_DATA_LEN_RANGE: badCiphertext,
    CKR_AEAD_DECRYPT_FAILED: badCiphertext,
  },
  // SoftHSM 2.6.1: GENERAL_ERROR where the integrity check of the key wrap fails, FUNCTION_FAILED where what was
  // unwrapped is no PKCS#8 of the type asked for. C_UnwrapKey leaves no operation behind.
  C_UnwrapKey: {
    CKR_GENERAL_ERROR: { ...badMaterial, suspect: true },
    CKR_FUNCTION_FAILED: { ...badMaterial, suspect: true },
    CKR_WRAPPED_KEY_INVALID: badMaterial,
    CKR_WRAPPED_KEY_LEN_RANGE: badMaterial,
    CKR_ENCRYPTED_DATA_INVALID: badMaterial,
    CKR_ENCRYPTED_DATA_LEN_RANGE: badMaterial,
    CKR_DATA_INVALID: badMaterial,
    CKR_DATA_LEN_RANGE: badMaterial,
  },
};

/** PKCS#11 3.0 values that pkcs11js 2.1.7 has no name for. */
const laterNames: ReadonlyArray<readonly [number, string]> = [
  [0x1b, 'CKR_ACTION_PROHIBITED'],
  [0x42, 'CKR_AEAD_DECRYPT_FAILED'],
  [0x140, 'CKR_CURVE_NOT_SUPPORTED'],
];

const names: ReadonlyMap<number, string> = new Map([
  ...Object.entries(pkcs11)
    .filter(([name]) => name.startsWith('CKR_'))
    .map(([name, value]) => [Number(value), name] as const),
  ...laterNames,
]);

/** The one reading of (function, return value); what no row names is unexpected. */
export function meaningOf(fn: string, name: string): Meaning {
  return byFunction[fn]?.[name] ?? anywhere[name] ?? unexpected;
}

/** An HsmError that still knows what the return value meant. Leaves hsm/ as the HsmError it is. */
export class TokenFault extends HsmError {
  constructor(
    readonly meaning: Meaning,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(meaning.code, message, options);
  }
}

/** A handle that names another object by now: looked up again once, and then what `code` says. */
export function staleObject(code: HsmErrorCode, message: string): TokenFault {
  return new TokenFault({ ...staleHandle, code }, message);
}

/** The token itself is not usable, whatever the call that noticed it. */
export function tokenLost(message: string): TokenFault {
  return new TokenFault(gone, message);
}

/** As tokenLost, and may be otherwise in a moment. */
export function tokenAway(message: string): TokenFault {
  return new TokenFault({ ...gone, passing: true }, message);
}

/**
 * pkcs11js throws a Pkcs11Error with `.code`, except from C_CreateObject, C_CopyObject and C_SetAttributeValue, which
 * throw a plain Error "CKR_X:NN". `instanceof` is no help: native errors may come from another realm.
 */
export function returnValueOf(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  if ('code' in thrown && typeof thrown.code === 'number') return thrown.code;
  const message = 'message' in thrown ? String(thrown.message) : '';
  const found = /CKR_\w+:(\d+)/.exec(message);
  return found === null ? undefined : Number(found[1]);
}

/** What was thrown by `fn` as a fault; `fn` is the PKCS#11 function's name. */
export function faultOf(fn: string, thrown: unknown): HsmError {
  if (thrown instanceof HsmError) return thrown;
  forgetOpenSslErrors();
  const value = returnValueOf(thrown);
  if (value === undefined) return new TokenFault(unexpected, `${fn}: ${firstLine(thrown)}`);
  const name = names.get(value) ?? `CKR 0x${value.toString(16)}`;
  return new TokenFault(meaningOf(fn, name), `${fn}: ${name}`, { cause: thrown });
}

/**
 * SoftHSM finds OpenSSL's symbols in the node executable, so that a failure of the token leaves its reasons in the error
 * queue of Node's own OpenSSL. There, node:crypto takes them for its own: the next createPrivateKey of the thread fails.
 * Drawing random bytes is one of the calls after which Node clears the queue, and the cheapest.
 */
function forgetOpenSslErrors(): void {
  randomFillSync(scratch);
}

const scratch = new Uint8Array(1);

/** Calls one PKCS#11 function and names it in what it throws. */
export function call<T>(fn: string, body: () => T): T {
  try {
    return body();
  } catch (thrown) {
    throw faultOf(fn, thrown);
  }
}

function firstLine(thrown: unknown): string {
  const message =
    typeof thrown === 'object' && thrown !== null && 'message' in thrown ? thrown.message : thrown;
  return String(message).split('\n', 1)[0] ?? '';
}
