import { KmsError } from '../errors';
import type { Key } from './key';
import { requireMaterial } from './material-use';

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
