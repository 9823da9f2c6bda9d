import { HsmError } from './errors';
import type { TokenKeyId } from './types';

/** CKA_ID bytes of a key id. Ids are made by Claviger, so a malformed one is a bug and not a missing key. */
export function idBytes(id: TokenKeyId): Buffer {
  if (!/^(?:[0-9a-f]{2}){1,64}$/u.test(id)) {
    throw new HsmError('failed', 'a token key id is lower-case hex of 1 to 64 bytes');
  }
  return Buffer.from(id, 'hex');
}

/** A view of bytes that came from another thread, as the Buffer that pkcs11js wants. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Bytes to send to another thread. Structured clone copies the whole ArrayBuffer behind a view; behind a small Buffer
 * that is Node's shared pool, with other people's plaintext in it.
 */
export function toThread(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
