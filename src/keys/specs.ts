import { type KmsError, invalidMember, refusedMember } from '../errors';
import type { KeySpec, KeyUsageType, OriginType } from '../shapes/kms.generated';
import type { TokenObjectKind } from './doomed-objects';

type Usages = Readonly<Partial<Record<KeyUsageType, readonly string[]>>>;

interface SpecRow {
  /** KeyUsage values that the spec allows, each with the algorithms that KeyMetadata lists (kms-semantics §3.1). */
  readonly usages: Usages;
  /** What its material is in a token. */
  readonly object: TokenObjectKind;
  /** Its material can be imported. */
  readonly importable: boolean;
}

const mac = (algorithm: string): SpecRow => ({
  usages: { GENERATE_VERIFY_MAC: [algorithm] },
  object: 'secret-key',
  importable: true,
});
const pair = (usages: Usages): SpecRow => ({ usages, object: 'key-pair', importable: true });
const rsa = pair({
  ENCRYPT_DECRYPT: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
  SIGN_VERIFY: [
    'RSASSA_PKCS1_V1_5_SHA_256',
    'RSASSA_PKCS1_V1_5_SHA_384',
    'RSASSA_PKCS1_V1_5_SHA_512',
    'RSASSA_PSS_SHA_256',
    'RSASSA_PSS_SHA_384',
    'RSASSA_PSS_SHA_512',
  ],
});
const nist = (algorithm: string): SpecRow =>
  pair({ SIGN_VERIFY: [algorithm], KEY_AGREEMENT: ['ECDH'] });
const generatedOnly = (usages: Usages): SpecRow => ({ ...pair(usages), importable: false });
const mlDsa = generatedOnly({ SIGN_VERIFY: ['ML_DSA_SHAKE_256'] });
const mlKem = generatedOnly({ ENCAPSULATE_DECAPSULATE: ['ML_KEM'] });

/** kms-semantics §3.1. Which of them a token has is the token's to say. */
const specs = {
  SYMMETRIC_DEFAULT: {
    usages: { ENCRYPT_DECRYPT: ['SYMMETRIC_DEFAULT'] },
    object: 'secret-key',
    importable: true,
  },
  HMAC_224: mac('HMAC_SHA_224'),
  HMAC_256: mac('HMAC_SHA_256'),
  HMAC_384: mac('HMAC_SHA_384'),
  HMAC_512: mac('HMAC_SHA_512'),
  RSA_2048: rsa,
  RSA_3072: rsa,
  RSA_4096: rsa,
  ECC_NIST_P256: nist('ECDSA_SHA_256'),
  ECC_NIST_P384: nist('ECDSA_SHA_384'),
  ECC_NIST_P521: nist('ECDSA_SHA_512'),
  ECC_SECG_P256K1: pair({ SIGN_VERIFY: ['ECDSA_SHA_256'] }),
  ECC_NIST_EDWARDS25519: generatedOnly({ SIGN_VERIFY: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'] }),
  ML_DSA_44: mlDsa,
  ML_DSA_65: mlDsa,
  ML_DSA_87: mlDsa,
  ML_KEM_512: mlKem,
  ML_KEM_768: mlKem,
  ML_KEM_1024: mlKem,
  SM2: generatedOnly({
    ENCRYPT_DECRYPT: ['SM2PKE'],
    SIGN_VERIFY: ['SM2DSA'],
    KEY_AGREEMENT: ['ECDH'],
  }),
} as const satisfies Record<KeySpec, SpecRow>;

function rowOf(keySpec: KeySpec): SpecRow {
  return specs[keySpec];
}

/**
 * KeySpec and KeyUsage of a CreateKey, defaults filled in (kms-semantics §3.2).
 * Throws ValidationException for a missing or wrong usage.
 */
export function chooseSpec(input: {
  readonly KeySpec?: KeySpec;
  readonly CustomerMasterKeySpec?: string;
  readonly KeyUsage?: KeyUsageType;
}): { keySpec: KeySpec; keyUsage: KeyUsageType } {
  if (input.KeySpec !== undefined && input.CustomerMasterKeySpec !== undefined) {
    throw invalidMember(
      'CustomerMasterKeySpec',
      'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
    );
  }
  const keySpec =
    input.KeySpec ?? (input.CustomerMasterKeySpec as KeySpec | undefined) ?? 'SYMMETRIC_DEFAULT';
  const keyUsage =
    input.KeyUsage ?? (keySpec === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : undefined);
  if (keyUsage === undefined) {
    throw invalidMember(
      'KeyUsage',
      'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    );
  }
  if (rowOf(keySpec).usages[keyUsage] === undefined) {
    throw invalidMember(
      'KeyUsage',
      `KeyUsage ${keyUsage} is not compatible with KeySpec ${keySpec}`,
    );
  }
  return { keySpec, keyUsage };
}

/** Which specs keys of an origin can have; symmetric ones alone in custom key stores (kms-semantics §3.2). */
const specsOf: Readonly<Record<OriginType, (keySpec: KeySpec) => boolean>> = {
  AWS_KMS: () => true,
  EXTERNAL: (keySpec) => rowOf(keySpec).importable,
  AWS_CLOUDHSM: (keySpec) => keySpec === 'SYMMETRIC_DEFAULT',
  EXTERNAL_KEY_STORE: (keySpec) => keySpec === 'SYMMETRIC_DEFAULT',
};

/** Refuses by name what no token has, and what no key of the origin can be. */
export function requireServed(keySpec: KeySpec, origin: OriginType): void {
  if (keySpec === 'SM2') {
    throw unsupportedSpec('KeySpec SM2 is not supported: PKCS#11 has no mechanism for it.');
  }
  if (!specsOf[origin](keySpec)) {
    throw unsupportedSpec(`KeySpec ${keySpec} is not supported with Origin ${origin}.`);
  }
}

function unsupportedSpec(message: string): KmsError {
  return refusedMember('UnsupportedOperationException', 'KeySpec', message);
}

export function tokenObjectOf(keySpec: KeySpec): TokenObjectKind {
  return rowOf(keySpec).object;
}

/** The algorithms that KeyMetadata lists for a key. */
export function algorithmsOf(keySpec: KeySpec, keyUsage: KeyUsageType): readonly string[] {
  return rowOf(keySpec).usages[keyUsage] ?? [];
}

/** InvalidKeyUsageException of §3.6 unless the key's spec has the algorithm, which `member` names, or leaves to its default. */
export function requireAlgorithm(
  key: { readonly keySpec: KeySpec; readonly keyUsage: KeyUsageType },
  algorithm: string,
  member: string,
): void {
  if (algorithmsOf(key.keySpec, key.keyUsage).includes(algorithm)) return;
  throw refusedMember(
    'InvalidKeyUsageException',
    member,
    `Algorithm ${algorithm} is incompatible with key spec ${key.keySpec}.`,
  );
}
