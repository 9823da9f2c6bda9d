import { shapes as claviger } from './claviger.generated';
import { shapes as iam } from './iam.generated';
import { shapes as kms } from './kms.generated';
import type { Shape, StructureShape } from './model';
import { shapes as sts } from './sts.generated';

/** Every shape of every service; all but those of kms are named `iam.…`, `sts.…`, `claviger.…`. */
export const shapes: Readonly<Record<string, Shape>> = {
  ...kms,
  ...iam,
  ...sts,
  ...claviger,
};

/**
 * What AWS KMS enforces and its published model does not say: every KeyId must be ASCII (kms-semantics §2.1), which
 * shows as a second violation when it is empty.
 */
const additions: Readonly<Record<string, object>> = {
  KeyIdType: { pattern: '^\\p{ASCII}+$' },
};

/** The shape of that name as it is enforced. Throws an Error for a name that the model does not define. */
export function shapeNamed(name: string): Shape {
  const shape = shapes[name];
  if (shape === undefined) throw new Error(`no shape is named ${name}`);
  const added = additions[name];
  return added === undefined ? shape : { ...shape, ...added };
}

/** The shape of that name where it must be a structure, as that of an input or output. */
export function structureNamed(name: string): StructureShape {
  const shape = shapeNamed(name);
  if (shape.type !== 'structure') throw new Error(`${name} is no structure`);
  return shape;
}

const keySpecListing = [
  ...['RSA_2048', 'RSA_3072', 'RSA_4096', 'ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521'],
  ...['ECC_SECG_P256K1', 'ECC_NIST_EDWARDS25519', 'SYMMETRIC_DEFAULT', 'HMAC_224', 'HMAC_256'],
  ...['HMAC_384', 'HMAC_512', 'SM2', 'ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87'],
];

/**
 * The enum value sets as AWS KMS prints them, where its order is known (kms-semantics §15.5). They are texts, not what
 * is accepted: AWS prints the specs of KMS keys for a bad data key spec too, and they were seen before ML-KEM. The sets
 * seen in 2023 and earlier (KeyUsageType, OriginType) are completed with the values that AWS has added since.
 */
const observedListings: Readonly<Record<string, readonly string[]>> = {
  KeySpec: keySpecListing,
  DataKeySpec: keySpecListing,
  SigningAlgorithmSpec: [
    ...['RSASSA_PSS_SHA_256', 'RSASSA_PSS_SHA_384', 'RSASSA_PSS_SHA_512'],
    ...['RSASSA_PKCS1_V1_5_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_384', 'RSASSA_PKCS1_V1_5_SHA_512'],
    ...['ECDSA_SHA_256', 'ECDSA_SHA_384', 'ECDSA_SHA_512', 'ED25519_SHA_512'],
    ...['ED25519_PH_SHA_512', 'SM2DSA', 'ML_DSA_SHAKE_256'],
  ],
  MacAlgorithmSpec: ['HMAC_SHA_384', 'HMAC_SHA_256', 'HMAC_SHA_224', 'HMAC_SHA_512'],
  EncryptionAlgorithmSpec: [
    ...['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE', 'SYMMETRIC_DEFAULT'],
  ],
  KeyUsageType: [
    ...['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'GENERATE_VERIFY_MAC'],
    ...['KEY_AGREEMENT', 'ENCAPSULATE_DECAPSULATE'],
  ],
  ExpirationModelType: ['KEY_MATERIAL_DOES_NOT_EXPIRE', 'KEY_MATERIAL_EXPIRES'],
  OriginType: ['EXTERNAL', 'AWS_CLOUDHSM', 'AWS_KMS', 'EXTERNAL_KEY_STORE'],
};

/** The values to print for an enum shape: AWS's order where it is known, the model's elsewhere. */
export function enumListing(name: string): readonly string[] {
  const shape = shapeNamed(name);
  return observedListings[name] ?? (shape.type === 'string' ? shape.enum : undefined) ?? [];
}

/**
 * A model pattern as a JavaScript one for the `u` flag, matching the whole string as AWS's Java does. Java's \s is six
 * ASCII characters and stands in character classes only; JavaScript's would let Unicode spaces in.
 */
export function wholeStringPattern(pattern: string): string {
  return `^(?:${pattern.replaceAll('\\s', ' \\t\\n\\v\\f\\r')})$`;
}
