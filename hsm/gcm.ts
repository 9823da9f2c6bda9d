import * as pkcs11 from 'pkcs11js';
import { HsmError } from './errors';
import { ckm } from './mechanisms';
import type { Handle, Library } from './module';
import { faultOf } from './return-values';
import type { GcmOpen, GcmSealed } from './types';

export const ivBytes = 12;
export const tagBytes = 16;

/** Where an operation runs: one borrowed session, one key. */
export interface KeyInSession {
  readonly library: Library;
  readonly session: Handle;
  readonly key: Handle;
}

export interface GcmPlain {
  readonly aad: Buffer;
  /** 1 byte or more: SoftHSM refuses an empty one and leaves the operation active. */
  readonly plaintext: Buffer;
  readonly ivSource: 'random' | 'token';
}

/**
 * CKM_AES_GCM in one shot (NSS has no multi-part form). The parameter is the 2.40 structure with ulIvBits, which
 * SoftHSM, NSS and CloudHSM all read.
 */
export function sealGcm(where: KeyInSession, input: GcmPlain): GcmSealed {
  const { library, session } = where;
  const iv = Buffer.alloc(ivBytes);
  const ciphertext = Buffer.alloc(input.plaintext.length + tagBytes);
  let fn = 'C_GenerateRandom';
  try {
    if (input.ivSource === 'random') library.C_GenerateRandom(session, iv);
    fn = 'C_EncryptInit';
    library.C_EncryptInit(session, gcm(iv, input.aad), where.key);
    fn = 'C_Encrypt';
    const written = library.C_Encrypt(session, input.plaintext, ciphertext);
    if (written.length !== ciphertext.length)
      throw new HsmError('failed', 'C_Encrypt: wrong output length');
  } catch (thrown) {
    throw faultOf(fn, thrown);
  }
  // A token that makes the IV writes it into the parameter; one that ignores the request leaves zeros, and a constant
  // IV would give the key away. The random source is covered too: 12 zero bytes are a broken generator.
  if (isZero(iv)) throw new HsmError('mechanism-missing', 'C_Encrypt: the token made no IV');
  return { iv, ciphertext };
}

/** Throws `ciphertext-invalid` for whatever does not authenticate. */
export function openGcm(where: KeyInSession, input: GcmOpen): Buffer {
  const { library, session } = where;
  if (input.iv.length !== ivBytes || input.ciphertext.length <= tagBytes) {
    throw new HsmError('ciphertext-invalid', 'C_Decrypt: wrong length');
  }
  const plaintext = Buffer.alloc(input.ciphertext.length);
  let fn = 'C_DecryptInit';
  try {
    library.C_DecryptInit(session, gcm(input.iv, input.aad), where.key);
    fn = 'C_Decrypt';
    return library.C_Decrypt(session, input.ciphertext, plaintext);
  } catch (thrown) {
    throw faultOf(fn, thrown);
  }
}

function gcm(iv: Buffer, aad: Buffer): pkcs11.Mechanism {
  const parameter: pkcs11.AesGCM = {
    type: pkcs11.CK_PARAMS_AES_GCM_v240,
    iv,
    ivBits: ivBytes * 8,
    aad,
    tagBits: tagBytes * 8,
  };
  return { mechanism: ckm.AES_GCM, parameter };
}

function isZero(bytes: Buffer): boolean {
  return bytes.readUIntBE(0, 6) === 0 && bytes.readUIntBE(6, 6) === 0;
}
