import { createPublicKey, type KeyObject } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { readAttribute } from '../calls';
import type { Curve } from '../curves';
import { HsmError } from '../errors';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import type { MlDsa, MlKem } from '../post-quantum/parameter-sets';
import { encodePublicKey } from '../post-quantum/public-key';

/** Reads the public half of a new pair from its public key object: DER of SubjectPublicKeyInfo. */
export type ReadPublicHalf = (desk: Desk, publicKey: Handle) => Buffer;

export const rsaPublicHalf: ReadPublicHalf = (desk, publicKey) => {
  const read = (type: number): string => readAttribute(desk, publicKey, type).toString('base64url');
  return encoded({ kty: 'RSA', n: read(pkcs11.CKA_MODULUS), e: read(pkcs11.CKA_PUBLIC_EXPONENT) });
};

export function ecPublicHalf(curve: Curve): ReadPublicHalf {
  return (desk, publicKey) => {
    const [x, y] = split(pointOf(desk, publicKey, 1 + 2 * curve.bytes).subarray(1), curve.bytes);
    return encoded({ kty: 'EC', crv: curve.jwk, x, y });
  };
}

const edwardsBytes = 32;

export const edwardsPublicHalf: ReadPublicHalf = (desk, publicKey) => {
  const x = pointOf(desk, publicKey, edwardsBytes).toString('base64url');
  return encoded({ kty: 'OKP', crv: 'Ed25519', x });
};

/** CKA_VALUE: CKA_PUBLIC_KEY_INFO would have it all, and NSS 3.131 does not have that. */
export function postQuantumPublicHalf(set: MlDsa | MlKem): ReadPublicHalf {
  return (desk, publicKey) => {
    const value = readAttribute(desk, publicKey, pkcs11.CKA_VALUE);
    if (value.length === set.publicKeyBytes) return encodePublicKey(set, value);
    throw new HsmError('failed', 'C_GetAttributeValue: CKA_VALUE is no public key of its kind');
  };
}

/** What OpenSSL 3.0 knows of the public halves: all but ML-DSA and ML-KEM. */
export function parsePublicHalf(der: Buffer): KeyObject {
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

/** CKA_EC_POINT: in a DER OCTET STRING as PKCS#11 says, or bare as some tokens have it. */
export function pointOf(desk: Desk, publicKey: Handle, bytes: number): Buffer {
  const point = readAttribute(desk, publicKey, pkcs11.CKA_EC_POINT);
  if (point.length >= bytes) return point.subarray(point.length - bytes);
  throw new HsmError('failed', 'C_GetAttributeValue: CKA_EC_POINT is too short');
}

function split(bytes: Buffer, at: number): [string, string] {
  return [bytes.subarray(0, at).toString('base64url'), bytes.subarray(at).toString('base64url')];
}

/** OpenSSL knows when a point is not on its curve. */
function encoded(key: Readonly<Record<string, string>>): Buffer {
  try {
    const publicKey = createPublicKey({ key: { ...key }, format: 'jwk' });
    return publicKey.export({ format: 'der', type: 'spki' });
  } catch {
    throw new HsmError('failed', 'C_GenerateKeyPair: the public half is no public key');
  }
}
