import { createCipheriv, randomFillSync } from 'node:crypto';
import { decryptRaw } from '../algorithms/oaep-decryption';
import type { Handle } from '../module';
import { oaepUnpad, type OaepHash } from '../oaep';
import type { Desk } from '../objects';
import { call } from '../return-values';
import { secretBytes } from '../secret-bytes';
import type { Envelope } from './envelope';
import { notUnwrapped, wrongMaterial } from './faults';
import { sessionKek } from '../material/templates';

/**
 * For tokens that decrypt raw RSA but do not know OAEP with the hash (SoftHSM: all but SHA-1): the one place where what
 * is imported, or the key that wraps it, passes through the daemon's memory.
 *
 * The token decrypts; the padding is removed here; the message is at once wrapped again, under a key of this moment, and
 * from then on only the token unwraps it. Message and key are in the clear from C_Decrypt to the end of this call,
 * in buffers of their own that are overwritten whatever happens, and never become a string, an error or a message to
 * another thread. What that does not cover is in docs/import-in-memory.md.
 */
export function reseal(
  desk: Desk,
  sealed: { key: Handle; encrypted: Buffer; hash: OaepHash },
  keyWrap: number,
): Envelope {
  const block = secretBytes(sealed.encrypted.length);
  let message: Buffer | undefined;
  try {
    decryptRaw(desk, sealed, block);
    message = oaepUnpad(block, sealed.hash);
    if (message === undefined) throw notUnwrapped();
    if (message.length === 0) throw wrongMaterial();
    return { ...sealAgain(desk, message, keyWrap), bytes: message.length };
  } finally {
    block.fill(0);
    message?.fill(0);
  }
}

const kekBytes = 32;

function sealAgain(desk: Desk, message: Buffer, keyWrap: number): Envelope {
  const kek = randomFillSync(secretBytes(kekBytes));
  try {
    const key = call('C_CreateObject', () =>
      desk.library.C_CreateObject(desk.session, sessionKek('unwrap', { value: kek })),
    );
    return { mechanism: { mechanism: keyWrap }, key, blob: wrapInMemory(kek, message) };
  } finally {
    kek.fill(0);
  }
}

/** RFC 5649 §3, the alternative initial value. */
const initialValue = Buffer.from('a65959a6', 'hex');

/** RFC 5649 under an AES-256 key. */
export function wrapInMemory(kek: Buffer, message: Buffer): Buffer {
  const cipher = createCipheriv('id-aes256-wrap-pad', kek, initialValue);
  return Buffer.concat([cipher.update(message), cipher.final()]);
}
