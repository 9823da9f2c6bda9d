import {
  type KeyObject,
  constants,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
} from 'node:crypto';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { RsaEncryptionAlgorithm } from '../../hsm';
import { encryptOaep } from './imports';
import type { NewKey } from './kms';
import { createExternalKey, getParameters, importMaterial, pkcs8 } from './kms-imports';

export const rsaAlgorithms = ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] as const;

const hashes = {
  RSAES_OAEP_SHA_1: 'sha1',
  RSAES_OAEP_SHA_256: 'sha256',
} as const satisfies Record<RsaEncryptionAlgorithm, string>;

/** A KMS key with imported material, of which the test has the private half too. */
export interface KnownRsaKey extends NewKey {
  readonly privateKey: KeyObject;
}

export async function importRsaKey(
  kms: KMSClient,
  {
    bits = 2048,
    usage = 'ENCRYPT_DECRYPT',
  }: { readonly bits?: 2048 | 4096; readonly usage?: 'ENCRYPT_DECRYPT' | 'SIGN_VERIFY' } = {},
): Promise<KnownRsaKey> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  const key = await createExternalKey(kms, { KeySpec: `RSA_${bits}`, KeyUsage: usage });
  const parameters = await getParameters(kms, key.id, { algorithm: 'RSA_AES_KEY_WRAP_SHA_256' });
  await importMaterial(kms, key.id, { material: pkcs8(privateKey), parameters });
  return { ...key, privateKey };
}

/** Encrypts to the public half as OpenSSL does. */
export function sealTo(
  { privateKey }: Pick<KnownRsaKey, 'privateKey'>,
  algorithm: RsaEncryptionAlgorithm,
  plaintext: Buffer,
): Buffer {
  const der = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return encryptOaep(der, hashes[algorithm], plaintext);
}

/** Decrypts with the private half as OpenSSL does. */
export function openWith(
  { privateKey }: Pick<KnownRsaKey, 'privateKey'>,
  algorithm: RsaEncryptionAlgorithm,
  blob: Uint8Array | undefined,
): Buffer {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return privateDecrypt(
    { key: privateKey, padding, oaepHash: hashes[algorithm] },
    Buffer.from(blob ?? []),
  );
}
