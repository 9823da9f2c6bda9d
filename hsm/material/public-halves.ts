import { createPublicKey, type KeyObject } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { readAttribute } from '../calls';
import type { Curve } from '../curves';
import { HsmError } from '../errors';
import type { Handle } from '../module';
import type { Desk } from '../objects';

/** Reads the public half of a new pair from its public key object. */
export type ReadPublicHalf = (desk: Desk, publicKey: Handle) => KeyObject;

export const rsaPublicHalf: ReadPublicHalf = (desk, publicKey) => {
  const read = (type: number): string => readAttribute(desk, publicKey, type).toString('base64url');
  return parsed({ kty: 'RSA', n: read(pkcs11.CKA_MODULUS), e: read(pkcs11.CKA_PUBLIC_EXPONENT) });
};

export function ecPublicHalf(curve: Curve): ReadPublicHalf {
  return (desk, publicKey) => {
    const [x, y] = split(pointOf(desk, publicKey, 1 + 2 * curve.bytes).subarray(1), curve.bytes);
    return parsed({ kty: 'EC', crv: curve.jwk, x, y });
  };
}

const edwardsBytes = 32;

export const edwardsPublicHalf: ReadPublicHalf = (desk, publicKey) => {
  const x = pointOf(desk, publicKey, edwardsBytes).toString('base64url');
  return parsed({ kty: 'OKP', crv: 'Ed25519', x });
};

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
function parsed(key: Readonly<Record<string, string>>): KeyObject {
  try {
    return createPublicKey({ key: { ...key }, format: 'jwk' });
  } catch {
    throw new HsmError('failed', 'C_GenerateKeyPair: the public half is no public key');
  }
}
