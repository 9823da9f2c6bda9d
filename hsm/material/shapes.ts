import { type Curve, curves } from '../curves';
import { ckm } from '../mechanisms';
import type { MaterialSpec } from '../material-types';
import { type MlDsa, type MlKem, parameterSets } from '../post-quantum/parameter-sets';

export interface Aes {
  readonly family: 'aes';
  readonly bytes: number;
}

export interface Hmac {
  readonly family: 'hmac';
  readonly bytes: number;
  /** CKM_…_HMAC of this key. */
  readonly mac: number;
  /** The HMAC of the next longer keys, where key wrap cannot tell those from these by their length. */
  readonly longerMac?: number;
}

interface Rsa {
  readonly family: 'rsa';
  readonly bits: number;
}

interface Ec {
  readonly family: 'ec';
  readonly curve: Curve;
}

/** Ed25519. */
interface Edwards {
  readonly family: 'edwards';
}

export type Shape = Aes | Hmac | Rsa | Ec | Edwards | MlDsa | MlKem;

/** Sizes are those of AWS KMS (kms-semantics §9.1). */
const shapes: Readonly<Record<MaterialSpec, Shape>> = {
  SYMMETRIC_DEFAULT: { family: 'aes', bytes: 32 },
  HMAC_224: { family: 'hmac', bytes: 28, mac: ckm.SHA224_HMAC, longerMac: ckm.SHA256_HMAC },
  HMAC_256: { family: 'hmac', bytes: 32, mac: ckm.SHA256_HMAC },
  HMAC_384: { family: 'hmac', bytes: 48, mac: ckm.SHA384_HMAC },
  HMAC_512: { family: 'hmac', bytes: 64, mac: ckm.SHA512_HMAC },
  RSA_2048: { family: 'rsa', bits: 2048 },
  RSA_3072: { family: 'rsa', bits: 3072 },
  RSA_4096: { family: 'rsa', bits: 4096 },
  ECC_NIST_P256: { family: 'ec', curve: curves.ECC_NIST_P256 },
  ECC_NIST_P384: { family: 'ec', curve: curves.ECC_NIST_P384 },
  ECC_NIST_P521: { family: 'ec', curve: curves.ECC_NIST_P521 },
  ECC_SECG_P256K1: { family: 'ec', curve: curves.ECC_SECG_P256K1 },
  ECC_NIST_EDWARDS25519: { family: 'edwards' },
  ...parameterSets,
};

export function shapeOf(spec: MaterialSpec): Shape {
  return shapes[spec];
}

/** Of a secret key; of the halves of a pair, the private one is its key. */
export function isSecret({ family }: Shape): boolean {
  return family === 'aes' || family === 'hmac';
}
