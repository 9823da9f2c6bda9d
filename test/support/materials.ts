import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { MaterialKind, MaterialSpec } from '../../hsm/index';
import { rsaTestKeys } from '../../hsm/known-answers/rsa-test-keys';

/** Key material made outside of any token, as its owner has it. */
export interface Material {
  readonly kind: MaterialKind;
  /** What is wrapped: raw bytes, or PKCS#8 in DER. */
  readonly bytes: Buffer;
  readonly publicKey?: KeyObject;
}

const secretBytes: Partial<Record<MaterialSpec, number>> = {
  SYMMETRIC_DEFAULT: 32,
  HMAC_224: 28,
  HMAC_256: 32,
  HMAC_384: 48,
  HMAC_512: 64,
};

const curves: Partial<Record<MaterialSpec, string>> = {
  ECC_NIST_P256: 'prime256v1',
  ECC_NIST_P384: 'secp384r1',
  ECC_NIST_P521: 'secp521r1',
  ECC_SECG_P256K1: 'secp256k1',
};

const rsaBits: Partial<Record<MaterialSpec, number>> = {
  RSA_2048: 2048,
  RSA_3072: 3072,
  RSA_4096: 4096,
};

/** Every kind that can be imported. */
export const materialKinds: readonly MaterialKind[] = [
  { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' },
  ...(['HMAC_224', 'HMAC_256', 'HMAC_384', 'HMAC_512'] as const).map((spec) => ({
    spec,
    usage: 'GENERATE_VERIFY_MAC' as const,
  })),
  ...(['RSA_2048', 'RSA_3072', 'RSA_4096'] as const).flatMap((spec) => [
    { spec, usage: 'ENCRYPT_DECRYPT' as const },
    { spec, usage: 'SIGN_VERIFY' as const },
  ]),
  ...(['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'ECC_SECG_P256K1'] as const).flatMap(
    (spec) => [
      { spec, usage: 'SIGN_VERIFY' as const },
      { spec, usage: 'KEY_AGREEMENT' as const },
    ],
  ),
];

/** New material, but for RSA, whose keys are fixed: making one takes seconds. */
export function makeMaterial(kind: MaterialKind): Material {
  const bytes = secretBytes[kind.spec];
  if (bytes !== undefined) return { kind, bytes: randomBytes(bytes) };
  const curve = curves[kind.spec];
  if (curve !== undefined) return ecMaterial(kind, curve);
  const der = Buffer.from(rsaTestKeys.get(rsaBits[kind.spec] ?? 0) ?? '', 'base64');
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return { kind, bytes: der, publicKey: createPublicKey(privateKey) };
}

export function ecMaterial(kind: MaterialKind, namedCurve: string): Material {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  return { kind, bytes: privateKey.export({ format: 'der', type: 'pkcs8' }), publicKey };
}
