import { randomBytes, timingSafeEqual } from 'node:crypto';
import { sign } from '../calls';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { decapsulate } from './encapsulation';
import type { MlDsa, MlKem } from './parameter-sets';
import { decodePublicKey, encapsulateHere, verifiesMlDsa } from './public-key';

/** A public half, DER of SubjectPublicKeyInfo, and what it is of. */
interface Whose<S> {
  readonly set: S;
  readonly der: Buffer;
}

/** A private key that is not the public one's gives itself away in its first signature. */
export function mlDsaSigns(desk: Desk, key: Handle, { set, der }: Whose<MlDsa>): boolean {
  const message = randomBytes(32);
  const request = { key, mechanism: { mechanism: ckm.ML_DSA }, data: message };
  const signature = sign(desk, { ...request, longest: set.signatureBytes });
  return verifiesMlDsa(set, decodePublicKey(set, der), { message, signature });
}

/** One that is not the public one's decapsulates another secret. */
export function mlKemDecapsulates(
  desk: Desk,
  privateKey: Handle,
  { set, der }: Whose<MlKem>,
): boolean {
  const { ciphertext, sharedSecret } = encapsulateHere(set, decodePublicKey(set, der));
  const found = decapsulate(desk, set, { privateKey, ciphertext });
  try {
    return timingSafeEqual(found, sharedSecret);
  } finally {
    for (const secret of [found, sharedSecret]) secret.fill(0);
  }
}
