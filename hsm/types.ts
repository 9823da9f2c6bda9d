/** The port to a PKCS#11 token: what the rest of Claviger may ask of it, in plain data. */

import type { HsmErrorCode } from './errors';
import type { MaterialImport } from './import-types';
import type { MaterialWrapping, TokenKeyId, WrappedMaterial } from './material-types';
import type { MaterialGeneration, MaterialUse } from './use-types';

export type * from './import-types';
export type * from './material-types';
export type * from './use-types';

/** An operation that a local token answers at once and a slow one answers later. `await` takes both. */
export type Awaitable<T> = T | Promise<T>;

export interface TokenOptions {
  /** Path of the PKCS#11 library. */
  readonly module: string;
  /** What C_Initialize is given in pReserved, for libraries that are configured so (NSS). */
  readonly libraryParameters?: string;
  /** CK_TOKEN_INFO.label, trailing blanks ignored. Slot numbers are never used: they change. */
  readonly label: string;
  /** CK_TOKEN_INFO.serialNumber; without it the label must be unique. */
  readonly serial?: string;
  /** Reads the user PIN when a login needs it (`user:password` for CloudHSM). Never kept. */
  readonly readPin: () => Awaitable<string>;
  /** true: short operations run inline in this thread. false (a network HSM): every operation runs on a lane. */
  readonly local: boolean;
  /** Worker threads, each with one session of its own, for slow operations. */
  readonly lanes: number;
  /** Milliseconds a lane call may take before its caller gets `deadline`. */
  readonly deadlineMs: number;
  /** Who makes a GCM IV: the daemon from C_GenerateRandom, or the token inside C_Encrypt (CloudHSM, FIPS). */
  readonly ivSource: 'random' | 'token';
  /** Handles kept at the most; the least recently used goes first. */
  readonly maxCachedKeys: number;
  /** Sessions this process may hold at the most (some HSMs refuse more); lanes are reduced to fit. At least 3. */
  readonly maxSessions?: number;
  /**
   * Directory of a file-based token. SoftHSM never calls fsync (pkcs11-facts §4.3), so with this set the files that a key
   * generation changed below it are flushed to disk before the generation resolves, and so are those of a destruction.
   */
  readonly durableDirectory?: string;
  /**
   * false forbids that imported key material, or the key that wraps it, ever passes through the daemon's memory: what
   * the token cannot unwrap by itself is then refused with `mechanism-missing`. Default true.
   */
  readonly softwareUnwrap?: boolean;
  /** Told of everything an operator would want to read; fields never hold a secret. */
  readonly onEvent?: (event: TokenEvent) => void;
  /** Told of each finished call, for histograms. Left out, it costs nothing. */
  readonly onOperation?: (
    operation: TokenOperation,
    seconds: number,
    outcome: 'ok' | HsmErrorCode,
  ) => void;
  /**
   * Told once when this process can no longer serve: too many calls hang inside the library, and a hanging C call
   * cannot be cancelled. `process.exit()` would wait for the hanging threads; only SIGKILL to oneself ends the process.
   */
  readonly onFailed?: (reason: string) => void;
}

export type TokenOperation =
  | 'generateRandom'
  | 'prepareKey'
  | 'generateKey'
  | 'generateWrappedKey'
  | 'generateDataKeyPair'
  | 'sign'
  | 'mac'
  | 'decryptOaep'
  | 'agree'
  | 'encapsulate'
  | 'decapsulate'
  | 'requireKind'
  | 'encryptAesGcm'
  | 'decryptAesGcm'
  | 'destroyKey'
  | 'generateImportKeyPair'
  | 'destroyKeyPair'
  | 'identifyImport'
  | 'admitImport'
  | 'listKeys'
  | 'createWrappingKey'
  | 'hasKey'
  | 'rewrap'
  | 'generateTransferKeyPair'
  | 'exportWrappingKey'
  | 'importWrappingKey'
  | 'check'
  | 'inspect';

export interface TokenEvent {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields?: Readonly<Record<string, string | number | boolean>>;
}

/** A key and where its material is. */
export interface TokenKey {
  /** Its name among the cached handles; of a resident key, the CKA_ID of the token object. */
  readonly id: TokenKeyId;
  /** Of material that is kept outside of the token; undefined for a resident token object. */
  readonly wrapped: WrappedMaterial | undefined;
}

/** What a scan of the token finds. A pair whose halves share a CKA_ID is one. */
export interface TokenObject {
  readonly kind: 'secret-key' | 'key-pair';
  readonly id: TokenKeyId;
  readonly label: string;
}

export interface GcmSealed {
  /** 12 bytes. */
  readonly iv: Buffer;
  /** Ciphertext followed by the 16-byte tag. */
  readonly ciphertext: Buffer;
}

export interface GcmOpen extends GcmSealed {
  readonly aad: Buffer;
}

export interface TokenStatus {
  /** `recovering` heals by itself or by `recover()`; `failed` needs a new process. */
  readonly state: 'ready' | 'recovering' | 'failed' | 'closed';
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
}

export interface TokenCounters {
  readonly sessions: number;
  readonly cachedKeys: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  /** Searches of the token for one resident key: linear in its objects on SoftHSM. */
  readonly keySearches: number;
  readonly recoveries: number;
  /** Calls waiting for a lane. */
  readonly queued: number;
  /** Lanes given up because a call hangs inside the library. */
  readonly blockedLanes: number;
}

/**
 * An open, logged-in token. Methods throw or reject with HsmError only.
 * Every operation on a key runs inside the token; nothing here falls back to software.
 */
export interface Token extends MaterialWrapping, MaterialImport, MaterialUse, MaterialGeneration {
  status(): TokenStatus;
  counters(): TokenCounters;
  /** What start-up proved: enough to serve SYMMETRIC_DEFAULT. `inspect()` makes the full table. */
  readonly capabilities: Capabilities;

  /** Runs every known-answer test on session objects (a second or two) and returns the full table. */
  inspect(): Promise<Capabilities>;

  /** Tries once, now, to re-initialise and log in: the way out after a refused PIN, which is never retried by itself. */
  recover(): Promise<void>;

  /** C_GenerateRandom: 1 to 65,536 bytes. */
  generateRandom(length: number): Buffer;

  /** CKM_AES_GCM with a fresh IV and a 128-bit tag. `plaintext` is 1 byte or more. */
  encryptAesGcm(key: TokenKey, aad: Buffer, plaintext: Buffer): Awaitable<GcmSealed>;

  /** Throws HsmError `ciphertext-invalid` for a wrong tag, AAD, IV or length: one error for all. */
  decryptAesGcm(key: TokenKey, sealed: GcmOpen): Awaitable<Buffer>;

  /** Forgets the cached handle and destroys its session clone, so that the next use looks the key up again. */
  evict(id: TokenKeyId): void;

  /** As evict, for every key: whoever holds keys may have missed a revocation. */
  evictAll(): void;

  /** C_DestroyObject of the resident key and its clone. A key that is not there is success. */
  destroyKey(id: TokenKeyId): Promise<void>;

  /** Ids of the resident keys whose label starts with `labelPrefix`; a full scan, for inspection only. */
  listKeys(labelPrefix: string): Promise<TokenKeyId[]>;

  /**
   * Every key and key pair of the token whose label starts with `labelPrefix`: a full scan. Of two secret keys with one
   * CKA_ID both are there, and of two pairs with two private keys.
   */
  listObjects(labelPrefix: string): Promise<TokenObject[]>;

  /** Really exercises the token (token info, session, random); rejects when it cannot serve. */
  check(): Promise<void>;

  /** Logs out, ends the lanes, C_Finalize. */
  close(): Promise<void>;
}

/** What known-answer tests found this token able to do, by AWS KMS key spec or algorithm. */
export interface Capabilities {
  readonly mechanisms: readonly string[];
  readonly rows: readonly CapabilityRow[];
}

export interface CapabilityRow {
  /** KeySpec or algorithm as AWS KMS names it, e.g. SYMMETRIC_DEFAULT, RSAES_OAEP_SHA_256. */
  readonly name: string;
  /** The PKCS#11 mechanism(s) it stands on. */
  readonly mechanism: string;
  readonly supported: boolean;
  /** How it is served where that is not the plain mechanism, or what is missing. */
  readonly note: string;
}
