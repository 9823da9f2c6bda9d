import {
  constants,
  createHash,
  createPublicKey,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  verify,
} from 'node:crypto';
import type { MaterialKey, MaterialKind, SigningAlgorithm, Token } from '../../hsm/index';

/** A key in the token, and its public half where it has one. */
export interface UsedKey extends MaterialKey {
  readonly publicKey: KeyObject | undefined;
}

export const newId = (): string => randomBytes(32).toString('hex');

/** A new key: resident, or wrapped by the wrapping key. */
export async function makeKey(
  token: Token,
  kind: MaterialKind,
  wrappingKeyId?: string,
): Promise<UsedKey> {
  const id = newId();
  if (wrappingKeyId === undefined) {
    const { publicKey } = await token.generateKey(kind, { id, label: 'claviger:key:test' });
    return { id, wrapped: undefined, kind, publicKey: parsed(publicKey) };
  }
  const { wrapped, publicKey } = await token.generateWrappedKey(kind, wrappingKeyId);
  return { id, wrapped, kind, publicKey: parsed(publicKey) };
}

function parsed(publicKey: Buffer | undefined): KeyObject | undefined {
  return publicKey && createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
}

/** What SHA-256 and a signature have in common here. */
const algorithms: Readonly<Record<string, SigningAlgorithm>> = {
  rsa: 'RSASSA_PKCS1_V1_5_SHA_256',
  ec: 'ECDSA_SHA_256',
};

/** Signs something of the moment with an RSA key or one of a curve of 256 bits, and verifies it by node:crypto. */
export async function signs(token: Token, key: UsedKey): Promise<boolean> {
  const message = randomBytes(20);
  const publicKey = required(key.publicKey);
  const algorithm = required(algorithms[publicKey.asymmetricKeyType ?? '']);
  const input = createHash('sha256').update(message).digest();
  const signature = await token.sign(key, { algorithm, input });
  return verify('sha256', message, publicKey, signature);
}

/** OAEP with SHA-256 as node:crypto does it. */
export function encryptedTo(key: UsedKey, message: Buffer): Buffer {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return publicEncrypt({ key: required(key.publicKey), padding, oaepHash: 'sha256' }, message);
}

export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is no such value');
  return value;
}

export const kinds = {
  aes: { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' },
  hmac: { spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC' },
  p256: { spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY' },
  p256Agreement: { spec: 'ECC_NIST_P256', usage: 'KEY_AGREEMENT' },
  p384: { spec: 'ECC_NIST_P384', usage: 'SIGN_VERIFY' },
  secp256k1: { spec: 'ECC_SECG_P256K1', usage: 'SIGN_VERIFY' },
  ed25519: { spec: 'ECC_NIST_EDWARDS25519', usage: 'SIGN_VERIFY' },
  rsa: { spec: 'RSA_2048', usage: 'SIGN_VERIFY' },
  rsaDecryption: { spec: 'RSA_2048', usage: 'ENCRYPT_DECRYPT' },
} as const satisfies Record<string, MaterialKind>;
