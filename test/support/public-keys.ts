import { generateKeyPairSync } from 'node:crypto';

/** Somebody's public key on a curve: DER of SubjectPublicKeyInfo. */
export function newPublicKey(namedCurve: string): Buffer {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve });
  return publicKey.export({ format: 'der', type: 'spki' });
}
