import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import type { Curve } from '../curves';
import { HsmError } from '../errors';
import { secretBytes } from '../secret-bytes';

/** What the private key has to belong to. */
interface Expected {
  readonly publicKey: KeyObject;
  /** Of an EC key. */
  readonly curve: Curve | undefined;
}

/**
 * PrivateKeyInfo (PKCS#8, RFC 5208) as OpenSSL writes it, of what a token unwrapped to: as tokens may leave out what another
 * program needs, and add zeros at the end (SoftHSM). Throws where it is not the private half of the public key.
 */
export function privateKeyInfo(der: Buffer, { publicKey, curve }: Expected): Buffer {
  const privateKey = parsed(der);
  requireHalf(privateKey, publicKey);
  if (curve === undefined) return privateKey.export({ format: 'der', type: 'pkcs8' });
  return ecPrivateKeyInfo(privateKey, { publicKey, curve });
}

function parsed(der: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: withoutEnd(der), format: 'der', type: 'pkcs8' });
  } catch {
    throw new HsmError('failed', 'C_WrapKey: the private key is no PKCS#8');
  }
}

/** The SEQUENCE without what follows it. */
function withoutEnd(der: Buffer): Buffer {
  const [, first = 0] = der;
  if (first < 0x80) return der.subarray(0, 2 + first);
  const lengthBytes = first & 0x7f;
  return der.subarray(0, 2 + lengthBytes + der.readUIntBE(2, lengthBytes));
}

/** What a private key says of its public half is only said; a signature proves it. */
function requireHalf(privateKey: KeyObject, publicKey: KeyObject): void {
  const hash = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const message = randomBytes(32);
  const same = createPublicKey(privateKey).equals(publicKey);
  if (same && verify(hash, message, publicKey, sign(hash, message, privateKey))) return;
  throw new HsmError('failed', 'C_WrapKey: the private key is not that of the public key');
}

/** id-ecPublicKey (RFC 5480 §2.1.1) in DER. */
const ecPublicKey = Buffer.from('06072a8648ce3d0201', 'hex');
/**
 * Where OpenSSL's ECPrivateKey has d: after SEQUENCE, version 1 and the head of the OCTET STRING. With the point of P-384 or
 * P-521 the SEQUENCE is longer than 127 bytes, and its head longer by one.
 */
function scalarAt(sec1: Buffer): number {
  return (sec1[1] ?? 0) < 0x80 ? 7 : 8;
}

/**
 * With the public point, which OpenSSL leaves out of what it re-exports where a token has left it out: ECPrivateKey of RFC
 * 5915 without the curve, which PrivateKeyInfo names.
 */
function ecPrivateKeyInfo(
  privateKey: KeyObject,
  { publicKey, curve }: { publicKey: KeyObject; curve: Curve },
): Buffer {
  const sec1 = privateKey.export({ format: 'der', type: 'sec1' });
  try {
    const version = Buffer.of(0x02, 0x01, 0x01);
    const at = scalarAt(sec1);
    const scalar = element(0x04, sec1.subarray(at, at + curve.bytes));
    const point = element(0xa1, element(0x03, Buffer.of(0), pointOf(publicKey)));
    const key = element(0x30, version, scalar, point);
    const algorithm = element(0x30, ecPublicKey, Buffer.from(curve.oid, 'hex'));
    const made = element(0x30, Buffer.of(0x02, 0x01, 0x00), algorithm, element(0x04, key));
    for (const part of [scalar, key]) part.fill(0);
    requireHalf(parsed(made), publicKey);
    return made;
  } finally {
    sec1.fill(0);
  }
}

/** Uncompressed. */
function pointOf(publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}

/** In memory of its own, to be wiped. */
function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [tag, ...(length < 0x80 ? [length] : [0x81, length])];
  const made = secretBytes(head.length + length);
  let at = Buffer.from(head).copy(made);
  for (const part of parts) at += part.copy(made, at);
  return made;
}
