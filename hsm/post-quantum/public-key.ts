import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa';
import { ml_kem1024, ml_kem512, ml_kem768 } from '@noble/post-quantum/ml-kem';
import { HsmError } from '../errors';
import type { MlDsa, MlKem } from './parameter-sets';

/*
 * OpenSSL 3.0, which Node 20 has, knows nothing of these keys. What is done with a public half is done by
 * @noble/post-quantum, which no token has any part in.
 */

/** SubjectPublicKeyInfo (RFC 5280 §4.1) up to the key. No parameters: RFC 9881 §2, RFC 9935 §3. */
function prefixOf({ oid, publicKeyBytes }: MlDsa | MlKem): Buffer {
  const algorithm = sequence(Buffer.from(oid, 'hex'));
  const unusedBits = Buffer.of(0);
  const bits = Buffer.concat([header(0x03, publicKeyBytes + 1), unusedBits]);
  return Buffer.concat([
    header(0x30, algorithm.length + bits.length + publicKeyBytes),
    algorithm,
    bits,
  ]);
}

function sequence(content: Buffer): Buffer {
  return Buffer.concat([header(0x30, content.length), content]);
}

function header(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.of(tag, length);
  return Buffer.of(tag, 0x82, length >> 8, length & 0xff);
}

/** DER of SubjectPublicKeyInfo of the bytes that FIPS 203 and FIPS 204 call a public key. */
export function encodePublicKey(set: MlDsa | MlKem, publicKey: Buffer): Buffer {
  return Buffer.concat([prefixOf(set), publicKey]);
}

/** The other way round. Throws where it is no public key of the set. */
export function decodePublicKey(set: MlDsa | MlKem, der: Buffer): Buffer {
  const prefix = prefixOf(set);
  const publicKey = der.subarray(prefix.length);
  if (publicKey.length === set.publicKeyBytes && der.subarray(0, prefix.length).equals(prefix)) {
    return publicKey;
  }
  throw new HsmError('failed', 'the public key is not one of the key spec');
}

const signers = [ml_dsa44, ml_dsa65, ml_dsa87];
const encapsulators = [ml_kem512, ml_kem768, ml_kem1024];

function oneOf<T>(all: readonly T[], { parameterSet }: MlDsa | MlKem): T {
  const found = all[parameterSet - 1];
  if (found === undefined) throw new HsmError('failed', 'no such parameter set');
  return found;
}

/** FIPS 204, algorithm 3, with an empty context. */
export function verifiesMlDsa(
  set: MlDsa,
  publicKey: Buffer,
  { message, signature }: { readonly message: Buffer; readonly signature: Buffer },
): boolean {
  if (signature.length !== set.signatureBytes) return false;
  return oneOf(signers, set).verify(publicKey, message, signature);
}

export interface Encapsulation {
  readonly sharedSecret: Buffer;
  readonly ciphertext: Buffer;
}

/** Encapsulates in this process: proof of a private key, which has to find the same secret. */
export function encapsulateHere(set: MlKem, publicKey: Buffer): Encapsulation {
  const { cipherText, sharedSecret } = oneOf(encapsulators, set).encapsulate(publicKey);
  return { ciphertext: Buffer.from(cipherText), sharedSecret: Buffer.from(sharedSecret) };
}

/** FIPS 203, algorithm 16, of d ‖ z. */
export function publicKeyOfSeed(set: MlKem, seed: Buffer): Buffer {
  const { publicKey, secretKey } = oneOf(encapsulators, set).keygen(seed);
  secretKey.fill(0);
  return Buffer.from(publicKey);
}

/** A pair of this process: proof of the token's encapsulation. */
export function pairHere(set: MlKem): {
  readonly publicKey: Buffer;
  readonly decapsulate: (ciphertext: Buffer) => Buffer;
} {
  const kem = oneOf(encapsulators, set);
  const { publicKey, secretKey } = kem.keygen();
  return {
    publicKey: Buffer.from(publicKey),
    decapsulate: (ciphertext) => Buffer.from(kem.decapsulate(ciphertext, secretKey)),
  };
}
