import { KmsError } from '../errors';
import type { KeySpec, KeyUsageType, OriginType } from '../shapes/kms.generated';
import type { TokenObjectKind } from './doomed-objects';

type Usages = Readonly<Partial<Record<KeyUsageType, readonly string[]>>>;

interface SpecRow {
  /** KeyUsage values that the spec allows, each with the algorithms that KeyMetadata lists (kms-semantics §3.1). */
  readonly usages: Usages;
  /** Where its material may come from. */
  readonly origins: readonly OriginType[];
  /** What its material is in a token. */
  readonly object: TokenObjectKind;
}

const rsa: Usages = {
  ENCRYPT_DECRYPT: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
  SIGN_VERIFY: [
    'RSASSA_PKCS1_V1_5_SHA_256',
    'RSASSA_PKCS1_V1_5_SHA_384',
    'RSASSA_PKCS1_V1_5_SHA_512',
    'RSASSA_PSS_SHA_256',
    'RSASSA_PSS_SHA_384',
    'RSASSA_PSS_SHA_512',
  ],
};
const ecc = (algorithm: string): Usages => ({
  SIGN_VERIFY: [algorithm],
  KEY_AGREEMENT: ['ECDH'],
});
const imported = (usages: Usages): SpecRow => ({
  ...{ usages, origins: ['EXTERNAL'], object: 'secret-key' },
});
const importedPair = (usages: Usages): SpecRow => ({ ...imported(usages), object: 'key-pair' });

/** kms-semantics §3.1. A spec is listed here once keys of it can be made; the others are refused by name. */
const specs: Readonly<Partial<Record<KeySpec, SpecRow>>> = {
  SYMMETRIC_DEFAULT: {
    usages: { ENCRYPT_DECRYPT: ['SYMMETRIC_DEFAULT'] },
    origins: ['AWS_KMS', 'EXTERNAL'],
    object: 'secret-key',
  },
  HMAC_224: imported({ GENERATE_VERIFY_MAC: ['HMAC_SHA_224'] }),
  HMAC_256: imported({ GENERATE_VERIFY_MAC: ['HMAC_SHA_256'] }),
  HMAC_384: imported({ GENERATE_VERIFY_MAC: ['HMAC_SHA_384'] }),
  HMAC_512: imported({ GENERATE_VERIFY_MAC: ['HMAC_SHA_512'] }),
  RSA_2048: importedPair(rsa),
  RSA_3072: importedPair(rsa),
  RSA_4096: importedPair(rsa),
  ECC_NIST_P256: importedPair(ecc('ECDSA_SHA_256')),
  ECC_NIST_P384: importedPair(ecc('ECDSA_SHA_384')),
  ECC_NIST_P521: importedPair(ecc('ECDSA_SHA_512')),
  ECC_SECG_P256K1: importedPair({ SIGN_VERIFY: ['ECDSA_SHA_256'] }),
};

/** The usages that AWS allows for each spec, served here or not: a wrong pair is the caller's fault first. */
const allowedUsages: Readonly<Record<KeySpec, readonly KeyUsageType[]>> = {
  SYMMETRIC_DEFAULT: ['ENCRYPT_DECRYPT'],
  HMAC_224: ['GENERATE_VERIFY_MAC'],
  HMAC_256: ['GENERATE_VERIFY_MAC'],
  HMAC_384: ['GENERATE_VERIFY_MAC'],
  HMAC_512: ['GENERATE_VERIFY_MAC'],
  RSA_2048: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY'],
  RSA_3072: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY'],
  RSA_4096: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY'],
  ECC_NIST_P256: ['SIGN_VERIFY', 'KEY_AGREEMENT'],
  ECC_NIST_P384: ['SIGN_VERIFY', 'KEY_AGREEMENT'],
  ECC_NIST_P521: ['SIGN_VERIFY', 'KEY_AGREEMENT'],
  ECC_SECG_P256K1: ['SIGN_VERIFY'],
  ECC_NIST_EDWARDS25519: ['SIGN_VERIFY'],
  ML_DSA_44: ['SIGN_VERIFY'],
  ML_DSA_65: ['SIGN_VERIFY'],
  ML_DSA_87: ['SIGN_VERIFY'],
  SM2: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'KEY_AGREEMENT'],
  ML_KEM_512: ['ENCAPSULATE_DECAPSULATE'],
  ML_KEM_768: ['ENCAPSULATE_DECAPSULATE'],
  ML_KEM_1024: ['ENCAPSULATE_DECAPSULATE'],
};

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
    throw new KmsError(
      'ValidationException',
      'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
    );
  }
  const keySpec =
    input.KeySpec ?? (input.CustomerMasterKeySpec as KeySpec | undefined) ?? 'SYMMETRIC_DEFAULT';
  const keyUsage =
    input.KeyUsage ?? (keySpec === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : undefined);
  if (keyUsage === undefined) {
    throw new KmsError(
      'ValidationException',
      'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    );
  }
  if (!allowedUsages[keySpec].includes(keyUsage)) {
    throw new KmsError(
      'ValidationException',
      `KeyUsage ${keyUsage} is not compatible with KeySpec ${keySpec}`,
    );
  }
  return { keySpec, keyUsage };
}

/** Refuses by name what no operation here serves yet: a spec, or an origin of its material. */
export function requireServed(keySpec: KeySpec, origin: OriginType): void {
  if (!servedOrigins.includes(origin)) {
    throw new KmsError('UnsupportedOperationException', `Origin ${origin} is not supported.`);
  }
  if (specs[keySpec]?.origins.includes(origin) !== true) {
    throw new KmsError('UnsupportedOperationException', `KeySpec ${keySpec} is not supported.`);
  }
}

const servedOrigins: readonly OriginType[] = ['AWS_KMS', 'EXTERNAL'];

export function tokenObjectOf(keySpec: KeySpec): TokenObjectKind {
  return specs[keySpec]?.object ?? 'secret-key';
}

/** The algorithms that KeyMetadata lists for a key. */
export function algorithmsOf(keySpec: KeySpec, keyUsage: KeyUsageType): readonly string[] {
  return specs[keySpec]?.usages[keyUsage] ?? [];
}

/**
 * InvalidKeyUsageException of §3.6 unless the key's spec has the algorithm. What keys of imported material list and no
 * operation here serves yet is refused by name.
 */
export function requireAlgorithm(
  key: { readonly keySpec: KeySpec; readonly keyUsage: KeyUsageType },
  algorithm: string,
): void {
  if (!algorithmsOf(key.keySpec, key.keyUsage).includes(algorithm)) {
    throw new KmsError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${key.keySpec}.`,
    );
  }
  if (algorithm !== 'SYMMETRIC_DEFAULT') {
    throw new KmsError('UnsupportedOperationException', `Algorithm ${algorithm} is not supported.`);
  }
}
