import { decrypt } from '../calls';
import { HsmError } from '../errors';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import { oaepUnpad, type OaepHash } from '../oaep';
import { oaepMechanism } from '../oaep-mechanism';
import type { Desk } from '../objects';
import { call } from '../return-values';
import { secretBytes } from '../secret-bytes';

/** Who takes off the padding: the token, or this daemon what the token decrypted by CKM_RSA_X_509. */
export type OaepWay = 'token' | 'raw';

export interface OaepCiphertext {
  readonly hash: OaepHash;
  readonly way: OaepWay;
  /** As long as the modulus. */
  readonly encrypted: Buffer;
}

/** Lends a session to one use. */
type WithSession = <T>(work: (desk: Desk) => T) => T;

/** The message, which the caller wipes; undefined where the padding is wrong and it was this daemon that saw it. */
export function decryptOaepWith(
  withSession: WithSession,
  key: Handle,
  { hash, way, encrypted }: OaepCiphertext,
): Buffer | undefined {
  if (way === 'token') {
    const mechanism = oaepMechanism(hash);
    return withSession((desk) => decrypt(desk, { key, mechanism, data: encrypted }));
  }
  const block = secretBytes(encrypted.length);
  try {
    withSession((desk) => decryptRaw(desk, { key, encrypted }, block));
    return oaepUnpad(block, hash);
  } finally {
    block.fill(0);
  }
}

/** CKM_RSA_X_509: the whole block of k bytes, also where a token leaves the leading zeros off. */
export function decryptRaw(
  desk: Desk,
  { key, encrypted }: { readonly key: Handle; readonly encrypted: Buffer },
  block: Buffer,
): void {
  const { library, session } = desk;
  call('C_DecryptInit', () => library.C_DecryptInit(session, { mechanism: ckm.RSA_X_509 }, key));
  const written = call('C_Decrypt', () => library.C_Decrypt(session, encrypted, block));
  const zeros = block.length - written.length;
  block.copyWithin(zeros, 0, written.length);
  block.fill(0, 0, zeros);
}

/** One error, one message for whatever does not decrypt: which step of it failed would help an attacker only. */
export function notDecrypted(): HsmError {
  return new HsmError('ciphertext-invalid', 'C_Decrypt: the ciphertext does not decrypt');
}
