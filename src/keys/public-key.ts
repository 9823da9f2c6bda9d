import { type KeyObject, createPublicKey } from 'node:crypto';
import { KmsError } from '../errors';
import type { Key } from './key';
import { requireMaterial } from './material-use';

/** A cached key is immutable, and verifies and encrypts many times. Its material may lapse nevertheless, which is asked first. */
const keyObjects = new WeakMap<Key, KeyObject>();

/**
 * The public half of an asymmetric key: DER of SubjectPublicKeyInfo. Throws KMSInvalidStateException where its material is
 * not there.
 */
export function publicKeyOf(key: Key): Buffer {
  const { publicKey } = requireMaterial(key);
  if (publicKey !== undefined) return Buffer.from(publicKey, 'base64');
  throw new KmsError(
    'KMSInvalidStateException',
    `${key.arn} was imported before public keys were kept. Import the same key material again.`,
  );
}

/** The same as node:crypto uses it: not of specs that OpenSSL 3.0 does not know, ML-DSA and ML-KEM. */
export function publicKeyObjectOf(key: Key): KeyObject {
  requireMaterial(key);
  let known = keyObjects.get(key);
  if (known === undefined) {
    known = createPublicKey({ key: publicKeyOf(key), format: 'der', type: 'spki' });
    keyObjects.set(key, known);
  }
  return known;
}

/** The public key itself, without the algorithm before it: it ends SubjectPublicKeyInfo (RFC 5280 §4.1). */
export function publicKeyBytes(key: Key, length: number): Buffer {
  return publicKeyOf(key).subarray(-length);
}
