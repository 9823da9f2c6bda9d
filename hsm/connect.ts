import { toThread } from './formats';
import { mechanismName } from './mechanisms';
import {
  closeSession,
  finalise,
  findToken,
  type FoundToken,
  type Handle,
  initialise,
  type Library,
  login,
  openSession,
  type TokenName,
} from './module';
import { untilItPasses } from './passing';
import { type Probe, probeToken } from './probe';
import { call } from './return-values';

export interface ConnectOptions {
  readonly token: TokenName;
  readonly pin: string;
  /** Ends the module's previous life first: the only cure for a token that vanished. */
  readonly reinitialise: boolean;
  /** Other processes write the same files; and a session is opened for calls in the main thread. */
  readonly local: boolean;
  readonly ivSource: 'random' | 'token';
  readonly libraryParameters: string | undefined;
}

export interface Connected {
  readonly slot: Uint8Array;
  /** Stays open as long as the connection: clones live in it, and the login ends with the last session. */
  readonly owner: Uint8Array;
  readonly inline: Uint8Array | undefined;
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly mechanisms: readonly string[];
  readonly probe: Probe;
  /** Why C_Finalize failed, where it did. */
  readonly finaliseFailure: string | undefined;
}

/** C_Initialize, token by name, owner session, login, quick known-answer tests. */
export function connect(library: Library, options: ConnectOptions): Connected {
  const finaliseFailure = options.reinitialise ? finalise(library) : undefined;
  const { token, owner } = options.local
    ? untilItPasses(
        () => logIn(library, options),
        () => finalise(library),
      )
    : logIn(library, options);
  const mechanisms = call('C_GetMechanismList', () => library.C_GetMechanismList(token.slot));
  return {
    ...token,
    slot: toThread(token.slot),
    owner: toThread(owner),
    inline: options.local ? toThread(openSession(library, token.slot)) : undefined,
    mechanisms: mechanisms.map(mechanismName).sort(),
    probe: probe(library, token.slot, options.ivSource),
    finaliseFailure,
  };
}

function logIn(library: Library, options: ConnectOptions): { token: FoundToken; owner: Handle } {
  initialise(library, options.libraryParameters);
  const token = findToken(library, options.token);
  const owner = openSession(library, token.slot);
  login(library, owner, options.pin);
  return { token, owner };
}

/** In a session of its own: its objects go with it, and a failed call may leave an operation active. */
function probe(library: Library, slot: Handle, ivSource: 'random' | 'token'): Probe {
  const session = openSession(library, slot);
  try {
    return probeToken({ library, session }, ivSource);
  } finally {
    closeSession(library, session);
  }
}

/** Ends every session of the process and its login. */
export function disconnect(library: Library): string | undefined {
  return finalise(library);
}
