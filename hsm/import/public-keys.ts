import {
  createECDH,
  createHash,
  createPublicKey,
  ECDH,
  type KeyObject,
  randomBytes,
  verify,
} from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { agreeWith } from '../algorithms/agreement';
import { signWith } from '../algorithms/signing';
import { readAttribute } from '../calls';
import type { Curve } from '../curves';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { wrongMaterial } from './faults';

/**
 * Odd, and no longer than FIPS 186-5 §A.1.1 has it: whoever verifies with the key, or encrypts, pays for its length, and an
 * exponent of 1 would leave the message as it is. The 3 of older keys does no harm.
 */
const [leastExponent, mostExponent] = [3n, 2n ** 256n];

/** The public half of an RSA private key of `bits`, proven to be its own. */
export function rsaPublicKey(desk: Desk, key: Handle, bits: number): KeyObject {
  const n = readAttribute(desk, key, pkcs11.CKA_MODULUS);
  const e = readAttribute(desk, key, pkcs11.CKA_PUBLIC_EXPONENT);
  const publicKey = parsed({ kty: 'RSA', n: n.toString('base64url'), e: e.toString('base64url') });
  const { modulusLength, publicExponent = 0n } = publicKey.asymmetricKeyDetails ?? {};
  if (modulusLength !== bits || !isExponent(publicExponent)) throw wrongMaterial();
  if (!rsaSigns(desk, key, publicKey)) throw wrongMaterial();
  return publicKey;
}

function isExponent(e: bigint): boolean {
  return e >= leastExponent && e < mostExponent && e % 2n === 1n;
}

/** A private key that is not the public one's gives itself away in its first signature. */
export function rsaSigns(desk: Desk, key: Handle, publicKey: KeyObject): boolean {
  const message = randomBytes(32);
  const input = createHash('sha256').update(message).digest();
  const signature = signWith(desk, key, { algorithm: 'RSASSA_PKCS1_V1_5_SHA_256', input });
  return verify('sha256', message, publicKey, signature);
}

/**
 * The public half of an EC private key. Most tokens do not keep it with an unwrapped private key, and what a PKCS#8
 * says of it is only said; so the token is asked. ECDH with the curve's generator G is d·G, the public point itself, of
 * which it answers the x coordinate. d and n − d share it: which of the two points it is, one signature tells.
 */
export function ecPublicKey(desk: Desk, key: Handle, curve: Curve): KeyObject {
  const parameters = readAttribute(desk, key, pkcs11.CKA_EC_PARAMS);
  if (!parameters.equals(Buffer.from(curve.oid, 'hex'))) throw wrongMaterial();
  const x = agreeWith(desk, key, { curve, peer: generator(curve) });
  const candidates = [2, 3].map((parity) => fromX(curve, Buffer.concat([Buffer.of(parity), x])));
  const found = candidates.find((candidate) => ecSigns(desk, key, { curve, publicKey: candidate }));
  if (found === undefined) throw wrongMaterial();
  return found;
}

export function ecSigns(
  desk: Desk,
  key: Handle,
  { curve, publicKey }: { curve: Curve; publicKey: KeyObject },
): boolean {
  const message = randomBytes(32);
  const input = createHash(curve.hash).update(message).digest();
  const signature = signWith(desk, key, { algorithm: curve.ecdsa, input });
  return verify(curve.hash, message, publicKey, signature);
}

export function edwardsSigns(desk: Desk, key: Handle, publicKey: KeyObject): boolean {
  const message = randomBytes(32);
  const signature = signWith(desk, key, { algorithm: 'ED25519_SHA_512', input: message });
  return verify(null, message, publicKey, signature);
}

/** The public point of the private key 1. */
function generator(curve: Curve): Buffer {
  const one = createECDH(curve.node);
  one.setPrivateKey(Buffer.of(1));
  return one.getPublicKey();
}

function fromX(curve: Curve, compressed: Buffer): KeyObject {
  const point = ECDH.convertKey(compressed, curve.node, undefined, undefined, 'uncompressed');
  const bytes = Buffer.isBuffer(point) ? point : Buffer.from(point, 'latin1');
  const x = bytes.subarray(1, 1 + curve.bytes).toString('base64url');
  const y = bytes.subarray(1 + curve.bytes).toString('base64url');
  return parsed({ kty: 'EC', crv: curve.jwk, x, y });
}

/** Numbers that OpenSSL makes no key of are no material either. */
function parsed(jwk: Readonly<Record<string, string>>): KeyObject {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' });
  } catch {
    throw wrongMaterial();
  }
}
