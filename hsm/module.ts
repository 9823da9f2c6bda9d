import * as pkcs11 from 'pkcs11js';
import { HsmError } from './errors';
import { untilItPasses } from './passing';
import { call, returnValueOf, tokenAway, tokenLost } from './return-values';

export type Handle = Buffer;

/** One thread's view of the library. All threads of a process share its sessions, login and object handles. */
export type Library = pkcs11.PKCS11;

/** dlopen and C_GetFunctionList; touches no token. */
export function loadLibrary(path: string): Library {
  const library = new pkcs11.PKCS11();
  try {
    library.load(path);
  } catch (thrown) {
    const reason =
      typeof thrown === 'object' && thrown !== null && 'message' in thrown
        ? thrown.message
        : thrown;
    throw new HsmError(
      'token-unavailable',
      `PKCS#11 module ${path} cannot be loaded: ${String(reason)}`,
      {
        cause: thrown,
      },
    );
  }
  return library;
}

/**
 * pkcs11js passes NULL by default, which tells the library that there are no threads; SoftHSM then hangs. Another
 * thread of this process may have initialised already. `parameters` is what some libraries take in place of a
 * configuration file: CK_C_INITIALIZE_ARGS.pReserved, of which pkcs11js drops the last character.
 */
export function initialise(library: Library, parameters: string | undefined): void {
  const flags = pkcs11.CKF_OS_LOCKING_OK;
  unless(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED, 'C_Initialize', () =>
    library.C_Initialize(
      parameters === undefined ? { flags } : { flags, libraryParameters: `${parameters} ` },
    ),
  );
}

/**
 * Frees everything the library holds. On a dead link it may fail (CKR_DEVICE_REMOVED) and what follows must still be
 * tried, so its failure is told and not thrown.
 */
export function finalise(library: Library): string | undefined {
  try {
    unless(pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED, 'C_Finalize', () => library.C_Finalize());
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export interface TokenName {
  readonly label: string;
  readonly serial?: string | undefined;
}

export interface FoundToken {
  readonly slot: Handle;
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
}

/** The one token of this label and serial. Slots are renumbered by reboots and HA, so a slot is never configured. */
export function findToken(library: Library, name: TokenName): FoundToken {
  const matches = call('C_GetSlotList', () => library.C_GetSlotList(true))
    .map((slot) => readToken(library, slot))
    .filter((token) => token !== undefined)
    .filter((token) => token.label === name.label)
    .filter((token) => name.serial === undefined || token.serial === name.serial);
  const [token, second] = matches;
  const wanted = name.serial === undefined ? '' : ` and serial ${name.serial}`;
  if (token === undefined)
    throw tokenAway(`no token with label ${JSON.stringify(name.label)}${wanted}`);
  if (second !== undefined) {
    throw new HsmError(
      'failed',
      `${String(matches.length)} tokens have label ${JSON.stringify(name.label)}${wanted}; name one by its serial`,
    );
  }
  return token;
}

/** A slot whose token does not answer is no candidate; another slot may hold the token that is looked for. */
function readToken(library: Library, slot: Handle): FoundToken | undefined {
  try {
    return tokenInfo(library, slot);
  } catch {
    return undefined;
  }
}

function tokenInfo(library: Library, slot: Handle): FoundToken {
  const info = call('C_GetTokenInfo', () => library.C_GetTokenInfo(slot));
  return {
    slot,
    label: trimmed(info.label),
    serial: trimmed(info.serialNumber),
    manufacturer: trimmed(info.manufacturerID),
    model: trimmed(info.model),
  };
}

/** PKCS#11 pads with blanks, some vendors with NUL. */
function trimmed(field: string): string {
  return field.replace(/[\0 ]+$/u, '');
}

export function openSession(library: Library, slot: Handle): Handle {
  return call('C_OpenSession', () =>
    library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION),
  );
}

/** A session that cannot be closed is already gone. */
export function closeSession(library: Library, session: Handle): void {
  try {
    library.C_CloseSession(session);
  } catch (thrown) {
    if (returnValueOf(thrown) === undefined) throw thrown;
  }
}

/** Logs the whole process in; another session of it may have done so before. */
export function login(library: Library, session: Handle, pin: string): void {
  unless(pkcs11.CKR_USER_ALREADY_LOGGED_IN, 'C_Login', () =>
    library.C_Login(session, pkcs11.CKU_USER, pin),
  );
}

const userStates: readonly number[] = [1, 3]; // CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS

/**
 * Throws unless the token answers, is the one expected, and `owner` is a logged-in session. A SoftHSM token whose
 * directory vanished still serves session objects and random bytes; only C_GetTokenInfo tells, and it keeps failing
 * after the directory is back, until C_Finalize (pkcs11-facts §5).
 */
export function assertHealthy(
  library: Library,
  token: { slot: Handle; serial: string; owner: Handle },
): void {
  const serial = untilItPasses(() => serialOf(library, token.slot));
  if (serial !== token.serial) throw tokenLost('C_GetTokenInfo: another token is in the slot');
  const session = call('C_GetSessionInfo', () => library.C_GetSessionInfo(token.owner));
  if (!userStates.includes(session.state))
    throw tokenLost('C_GetSessionInfo: the user is not logged in');
}

function serialOf(library: Library, slot: Handle): string {
  const { serial } = tokenInfo(library, slot);
  if (serial === '') throw tokenAway('C_GetTokenInfo: the token has no serial');
  return serial;
}

/** Calls `body`; one return value counts as success. */
function unless(accepted: number, fn: string, body: () => void): void {
  call(fn, () => {
    try {
      body();
    } catch (thrown) {
      if (returnValueOf(thrown) !== accepted) throw thrown;
    }
  });
}
