import {
  constants,
  createCipheriv,
  createPublicKey,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import type { ImportAlgorithm } from '../../hsm/index';

const hashes = {
  RSAES_OAEP_SHA_1: { hash: 'sha1', keyWrap: false },
  RSAES_OAEP_SHA_256: { hash: 'sha256', keyWrap: false },
  RSA_AES_KEY_WRAP_SHA_1: { hash: 'sha1', keyWrap: true },
  RSA_AES_KEY_WRAP_SHA_256: { hash: 'sha256', keyWrap: true },
} as const satisfies Record<ImportAlgorithm, { hash: string; keyWrap: boolean }>;

export const importAlgorithms = Object.keys(hashes) as ImportAlgorithm[];

/** RSA-OAEP as OpenSSL does it, to a public key in DER. */
export function encryptOaep(publicKey: Buffer, hash: string, message: Buffer): Buffer {
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return publicEncrypt({ key, padding, oaepHash: hash }, message);
}

/** RFC 5649 as OpenSSL does it. */
export function wrapKwp(kek: Buffer, material: Buffer): Buffer {
  const name = `id-aes${String(kek.length * 8)}-wrap-pad`;
  const cipher = createCipheriv(name, kek, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([cipher.update(material), cipher.final()]);
}

/** Key material as its owner sends it, made without the token. */
export function wrapMaterial(
  algorithm: ImportAlgorithm,
  publicKey: Buffer,
  material: Buffer,
): Buffer {
  const { hash, keyWrap } = hashes[algorithm];
  if (!keyWrap) return encryptOaep(publicKey, hash, material);
  const kek = randomBytes(32);
  return Buffer.concat([encryptOaep(publicKey, hash, kek), wrapKwp(kek, material)]);
}
