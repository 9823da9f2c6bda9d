import { createECDH, createPrivateKey } from 'node:crypto';
import type { MaterialSpec } from '../../hsm';

/** A curve of key agreement, as vectors call it. */
export interface VectorCurve {
  readonly spec: MaterialSpec & `ECC_NIST_P${string}`;
  readonly jwk: string;
  readonly node: string;
  /** Of a coordinate. */
  readonly bytes: number;
}

export const vectorCurves: Readonly<Record<string, VectorCurve>> = {
  secp256r1: { spec: 'ECC_NIST_P256', jwk: 'P-256', node: 'prime256v1', bytes: 32 },
  secp384r1: { spec: 'ECC_NIST_P384', jwk: 'P-384', node: 'secp384r1', bytes: 48 },
  secp521r1: { spec: 'ECC_NIST_P521', jwk: 'P-521', node: 'secp521r1', bytes: 66 },
};

/** A number of NIST's and Wycheproof's, in as many bytes as a coordinate has. */
export function ecField(number: Buffer, { bytes }: Pick<VectorCurve, 'bytes'>): Buffer {
  const digits = number.toString('hex').padStart(2 * bytes, '0');
  return Buffer.from(digits.slice(-2 * bytes), 'hex');
}

/** PKCS#8 in DER of a private key that is known as a number. */
export function ecPkcs8(scalar: Buffer, { node, jwk, bytes }: VectorCurve): Buffer {
  const ecdh = createECDH(node);
  ecdh.setPrivateKey(scalar);
  const point = ecdh.getPublicKey();
  const part = (one: Buffer): string => one.toString('base64url');
  const [x, y] = [part(point.subarray(1, 1 + bytes)), part(point.subarray(1 + bytes))];
  const key = { kty: 'EC', crv: jwk, d: part(scalar), x, y };
  return createPrivateKey({ key, format: 'jwk' }).export({ format: 'der', type: 'pkcs8' });
}
