import * as pkcs11 from 'pkcs11js';
import { HsmError } from './errors';
import type { Handle, Library } from './module';
import { call, TokenFault, tokenLost } from './return-values';
import {
  residentKeys,
  residentPrivateKeys,
  residentPublicKeys,
  sessionClone,
  type Template,
} from './templates';
import type { TokenObject } from './types';

/** A thread's library and the session it borrowed. */
export interface Desk {
  readonly library: Library;
  readonly session: Handle;
}

const findBatch = 1000;

/** Handles of the objects that match, `limit` at the most. Linear in the token's objects on SoftHSM. */
export function findObjects(desk: Desk, template: Template, limit: number): Handle[] {
  const { library, session } = desk;
  call('C_FindObjectsInit', () => library.C_FindObjectsInit(session, template));
  try {
    const found: Handle[] = [];
    while (found.length < limit) {
      const wanted = Math.min(findBatch, limit - found.length);
      const batch = call('C_FindObjects', () => library.C_FindObjects(session, wanted));
      if (batch.length === 0) break;
      found.push(...batch);
    }
    return found;
  } finally {
    // Left open, the next search of this session fails with CKR_OPERATION_ACTIVE.
    call('C_FindObjectsFinal', () => library.C_FindObjectsFinal(session));
  }
}

/** Of the halves of a pair, the private one is its key. */
export type KeyClass = 'secret' | 'private';

const keyTemplates: Readonly<Record<KeyClass, (id?: Buffer) => Template>> = {
  secret: residentKeys,
  private: residentPrivateKeys,
};

/** Every resident key of the class. */
export function findKeys(desk: Desk, keyClass: KeyClass): Handle[] {
  return findObjects(desk, keyTemplates[keyClass](), Infinity);
}

/** The one resident key of this id, or undefined. Asks for two, or a duplicate could not show. */
export function findKey(desk: Desk, id: Buffer, keyClass: KeyClass = 'secret'): Handle | undefined {
  const [key, second] = findObjects(desk, keyTemplates[keyClass](id), 2);
  if (second !== undefined) {
    throw new HsmError(
      'duplicate-key',
      `C_FindObjects: two keys have CKA_ID ${id.toString('hex')}`,
    );
  }
  return key;
}

/** Whether the handle still is a token object of this CKA_ID and class; a dead one is a stale-handle fault. */
export function hasId(
  desk: Desk,
  object: Handle,
  id: Buffer,
  keyClass: KeyClass = 'secret',
): boolean {
  const wanted = [{ type: pkcs11.CKA_ID }, { type: pkcs11.CKA_TOKEN }, { type: pkcs11.CKA_CLASS }];
  const [found, onToken, objectClass] = call('C_GetAttributeValue', () =>
    desk.library.C_GetAttributeValue(desk.session, object, wanted),
  ).map(({ value }) => value);
  return (
    Buffer.isBuffer(found) &&
    found.equals(id) &&
    isTrue(onToken) &&
    Buffer.isBuffer(objectClass) &&
    objectClass[0] === classNumbers[keyClass]
  );
}

const classNumbers: Readonly<Record<KeyClass, number>> = {
  secret: pkcs11.CKO_SECRET_KEY,
  private: pkcs11.CKO_PRIVATE_KEY,
};

function isTrue(value: unknown): boolean {
  return Buffer.isBuffer(value) && value.length === 1 && value[0] === 1;
}

/** CK_BBOOL attributes of an object, in the order asked for. */
export function readFlags(desk: Desk, object: Handle, types: readonly number[]): boolean[] {
  const template = types.map((type) => ({ type }));
  return call('C_GetAttributeValue', () =>
    desk.library.C_GetAttributeValue(desk.session, object, template),
  ).map(({ value }) => isTrue(value));
}

/** Sensitive and not extractable, as the token itself reports it. */
export function isProtected(desk: Desk, object: Handle): boolean {
  const [sensitive, extractable] = readFlags(desk, object, [
    pkcs11.CKA_SENSITIVE,
    pkcs11.CKA_EXTRACTABLE,
  ]);
  return sensitive === true && extractable === false;
}

/** What is to be known of a copy. */
export interface CopyChecks {
  /** Whether the copy is what is wanted, beside being protected. */
  readonly isKind: (copy: Handle) => boolean;
  /** Throws where the token itself is in trouble. */
  readonly assertHealthy: () => void;
}

/**
 * A session copy of a token key, or undefined where the token refuses to copy this one (CKA_COPYABLE or, in SoftHSM,
 * CKA_MODIFIABLE is false) or the copy would be less protected than the key. The copy lives as long as
 * `desk.session`. The token's own attributes are the proof, read from every single clone.
 */
export function cloneKey(desk: Desk, key: Handle, checks: CopyChecks): Handle | undefined {
  const { isKind, assertHealthy } = checks;
  return copyKey(desk, key, {
    template: sessionClone(),
    isKind: (copy) => isProtected(desk, copy) && isKind(copy),
    assertHealthy,
  });
}

/** Undefined where the token refuses to copy it, or makes a copy that is not as it should be. */
export function copyKey(
  desk: Desk,
  key: Handle,
  { template, isKind, assertHealthy }: CopyChecks & { readonly template: Template },
): Handle | undefined {
  const copy = unlessRefused(assertHealthy, () =>
    call('C_CopyObject', () => desk.library.C_CopyObject(desk.session, key, template)),
  );
  if (copy === undefined) return undefined;
  try {
    if (isKind(copy)) return copy;
  } catch (error) {
    discardAfter(desk, copy, error);
    throw error;
  }
  destroyObject(desk, copy);
  return undefined;
}

/** Tokens have many ways to say that they do not copy private keys; one that is in trouble is not among those. */
function unlessRefused<T>(assertHealthy: () => void, copy: () => T): T | undefined {
  try {
    return copy();
  } catch (error) {
    if (!(error instanceof TokenFault)) throw error;
    const { again, code, refused, suspect } = error.meaning;
    if (refused === true || code === 'mechanism-missing') return undefined;
    if (suspect !== true || again === true) throw error;
    assertHealthy();
    return undefined;
  }
}

export function destroyObject(desk: Desk, object: Handle): void {
  call('C_DestroyObject', () => desk.library.C_DestroyObject(desk.session, object));
}

/** No secret key has this id yet. */
export function requireFree(desk: Desk, id: Buffer): void {
  if (findKey(desk, id) === undefined) return;
  throw new HsmError('duplicate-key', `C_FindObjects: CKA_ID ${id.toString('hex')} is taken`);
}

/** Destroys what a failure has left over; where that fails as well, both are told. */
export function discardAfter(desk: Desk, object: Handle, reason: unknown): void {
  try {
    destroyObject(desk, object);
  } catch (error) {
    const messages = [reason, error].map((one) =>
      one instanceof Error ? one.message : String(one),
    );
    throw new HsmError('failed', messages.join('; and the object stays: '), {
      cause: reason,
    });
  }
}

/** Destroys every resident secret key of this id. */
export function destroyKeys(desk: Desk, id: Buffer): void {
  destroyAll(desk, () => residentKeys(id));
}

/**
 * Destroys whatever matches. Some tokens report success, or drop only the handle, while the object stays
 * (SoftHSM #903), so the search is repeated until it comes back empty.
 */
export function destroyAll(desk: Desk, template: () => Template): void {
  const rounds = 3;
  for (let round = 0; round < rounds; round += 1) {
    const found = findObjects(desk, template(), findBatch);
    if (found.length === 0) return;
    for (const object of found) destroyObject(desk, object);
  }
  throw new HsmError('failed', 'C_DestroyObject: the key is still there');
}

/**
 * The keys of the token whose label starts with `labelPrefix`, secret and private ones with duplicates. A public key is of the
 * pair of its CKA_ID, and is one by itself where there is no other half.
 */
export function listObjects(desk: Desk, labelPrefix: string): TokenObject[] {
  const named = (kind: TokenObject['kind'], template: Template): TokenObject[] =>
    findObjects(desk, template, Infinity)
      .map((object) => ({ kind, ...nameOf(desk, object) }))
      .filter(({ id, label }) => id !== '' && label.startsWith(labelPrefix));
  const secret = named('secret-key', residentKeys());
  const halves = named('key-pair', residentPrivateKeys());
  const pairs = new Set(halves.map(({ id }) => id));
  const alone = named('key-pair', residentPublicKeys()).filter(
    ({ id }) => !pairs.has(id) && pairs.add(id),
  );
  return [...secret, ...halves, ...alone];
}

/** Without a name where another process destroyed the object since it was found. */
function nameOf(desk: Desk, object: Handle): { readonly id: string; readonly label: string } {
  // A template of its own for each call: pkcs11js keeps the answers of the last one in it as buffers to fill.
  const wanted = [{ type: pkcs11.CKA_ID }, { type: pkcs11.CKA_LABEL }];
  try {
    const [id, label] = call('C_GetAttributeValue', () =>
      desk.library.C_GetAttributeValue(desk.session, object, wanted),
    ).map(({ value }) => (Buffer.isBuffer(value) ? value : Buffer.alloc(0)));
    return { id: id?.toString('hex') ?? '', label: label?.toString('utf8') ?? '' };
  } catch (error) {
    if (error instanceof TokenFault && error.meaning.stale === true) return { id: '', label: '' };
    throw error;
  }
}

/** Throws `token-unavailable` when an empty search may mean that the token is gone. */
export function requireFound<T>(
  found: T | undefined,
  assertToken: () => void,
  what = 'such key',
): T {
  if (found !== undefined) return found;
  assertToken();
  throw new HsmError('key-not-found', `C_FindObjects: no ${what}`);
}

/** A random block, so that a token whose generator died is noticed. */
export function drawRandom(desk: Desk, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  call('C_GenerateRandom', () => desk.library.C_GenerateRandom(desk.session, bytes));
  if (length >= 16 && bytes.every((byte) => byte === 0)) {
    throw tokenLost('C_GenerateRandom: the token returned zeros');
  }
  return bytes;
}
