import type { ClavigerOperationName } from '../shapes/claviger.generated';
import type { DataKeyPairSpec, KeySpec, KmsOperationName } from '../shapes/kms.generated';

/** Operations whose requests are counted. Those of IAM and STS are not. */
export type CountedOperation = KmsOperationName | ClavigerOperationName;

/** Pools that operations share, with AWS's requests a second (kms-semantics §17.2). */
const shared = {
  symmetric: 10_000,
  rsa: 1000,
  ecc: 1000,
  'ml-dsa': 1000,
  // AWS publishes none for it.
  'ml-kem': 1000,
  /** Each store is a pool of its own. */
  'custom-key-store': 1800,
} as const;

type SharedGroup = keyof typeof shared;

/** Both operations for data key pairs share a pool for each spec of the pair. */
const ofPairs = {
  RSA_2048: 20,
  RSA_3072: 4,
  RSA_4096: 1,
  ECC_NIST_P256: 100,
  ECC_NIST_P384: 100,
  ECC_NIST_P521: 100,
  ECC_SECG_P256K1: 100,
  ECC_NIST_EDWARDS25519: 100,
  // AWS publishes none for these.
  ML_KEM_512: 100,
  ML_KEM_768: 100,
  ML_KEM_1024: 100,
  SM2: 25,
} as const satisfies Record<DataKeyPairSpec, number>;

type PairGroup = `GenerateDataKeyPair(${DataKeyPairSpec})`;

/** The pool of what a key does, where the key is in no custom key store. */
const ofKeys = {
  SYMMETRIC_DEFAULT: 'symmetric',
  HMAC_224: 'symmetric',
  HMAC_256: 'symmetric',
  HMAC_384: 'symmetric',
  HMAC_512: 'symmetric',
  RSA_2048: 'rsa',
  RSA_3072: 'rsa',
  RSA_4096: 'rsa',
  ECC_NIST_P256: 'ecc',
  ECC_NIST_P384: 'ecc',
  ECC_NIST_P521: 'ecc',
  ECC_SECG_P256K1: 'ecc',
  ECC_NIST_EDWARDS25519: 'ecc',
  SM2: 'ecc',
  ML_DSA_44: 'ml-dsa',
  ML_DSA_65: 'ml-dsa',
  ML_DSA_87: 'ml-dsa',
  ML_KEM_512: 'ml-kem',
  ML_KEM_768: 'ml-kem',
  ML_KEM_1024: 'ml-kem',
} as const satisfies Record<KeySpec, SharedGroup>;

/**
 * What an operation counts as: a shared pool, one that its keys or the pair's spec decide, or, where a number stands, a pool
 * of its own, with AWS's rate. Of `claviger`'s operations AWS has none: theirs are those of their likes.
 */
const charges = {
  Decrypt: 'by key',
  Encrypt: 'by key',
  GenerateDataKey: 'by key',
  GenerateDataKeyWithoutPlaintext: 'by key',
  ReEncrypt: 'by key',
  Sign: 'by key',
  Verify: 'by key',
  GenerateDataKeyPair: 'by pair',
  GenerateDataKeyPairWithoutPlaintext: 'by pair',
  GenerateMac: 'symmetric',
  VerifyMac: 'symmetric',
  GenerateRandom: 'symmetric',
  DeriveSharedSecret: 'ecc',
  Decapsulate: 'ml-kem',
  Encapsulate: 'ml-kem',

  DescribeKey: 2000,
  GetPublicKey: 2000,
  ListResourceTags: 2000,
  GetKeyPolicy: 1000,
  GetKeyRotationStatus: 1000,
  ListAliases: 500,
  ListKeys: 500,
  ListApiTokens: 100,
  ListGrants: 100,
  ListKeyPolicies: 100,
  ListKeyRotations: 100,
  ListRetirableGrants: 100,
  CreateGrant: 50,
  RetireGrant: 50,
  RevokeGrant: 50,
  DeleteAlias: 15,
  DeleteApiToken: 15,
  DeleteImportedKeyMaterial: 15,
  EnableKeyRotation: 15,
  ImportKeyMaterial: 15,
  PutKeyPolicy: 15,
  ScheduleKeyDeletion: 15,
  TagResource: 10,
  CancelKeyDeletion: 5,
  ConnectCustomKeyStore: 5,
  CreateAlias: 5,
  CreateApiToken: 5,
  CreateCustomKeyStore: 5,
  CreateKey: 5,
  DeleteCustomKeyStore: 5,
  DescribeCustomKeyStores: 5,
  DisableKey: 5,
  DisableKeyRotation: 5,
  DisconnectCustomKeyStore: 5,
  EnableKey: 5,
  GetKeyLastUsage: 5,
  ReplicateKey: 5,
  RotateKeyOnDemand: 5,
  UntagResource: 5,
  UpdateAlias: 5,
  UpdateCustomKeyStore: 5,
  UpdateKeyDescription: 5,
  UpdatePrimaryRegion: 5,
  GetParametersForImport: 1,
} as const satisfies Record<CountedOperation, SharedGroup | 'by key' | 'by pair' | number>;

type Charges = typeof charges;
type OwnGroup = { [K in keyof Charges]: Charges[K] extends number ? K : never }[keyof Charges];

/** A pool of requests a second, as AWS's quotas divide them: one that operations share, or the name of the only one in it. */
export type Group = SharedGroup | PairGroup | OwnGroup;

/** The group that a request counts in as soon as its operation is known; `by key` and `by pair` are decided later. */
type Charge = SharedGroup | OwnGroup | 'by key' | 'by pair';

const chargeByName: ReadonlyMap<string, Charge> = new Map(
  Object.entries(charges).map(([name, charge]): [string, Charge] => [
    name,
    typeof charge === 'number' ? (name as OwnGroup) : charge,
  ]),
);

/** Undefined of operations that are not counted. */
export function chargeOf(operation: string): Charge | undefined {
  return chargeByName.get(operation);
}

export function groupOfKey(keySpec: KeySpec): Group {
  return ofKeys[keySpec];
}

const pairGroup = (spec: string): PairGroup => `GenerateDataKeyPair(${spec as DataKeyPairSpec})`;
const groupByPair = new Map(Object.keys(ofPairs).map((spec) => [spec, pairGroup(spec)]));

export function groupOfPair(spec: string): Group | undefined {
  return groupByPair.get(spec);
}

/** Every group, with AWS's requests a second. */
export const awsRates: ReadonlyMap<Group, number> = new Map<Group, number>([
  ...(Object.entries(shared) as [SharedGroup, number][]),
  ...Object.entries(ofPairs).map(([spec, rate]): [Group, number] => [pairGroup(spec), rate]),
  ...Object.entries(charges).flatMap(([name, rate]): [Group, number][] =>
    typeof rate === 'number' ? [[name as OwnGroup, rate]] : [],
  ),
]);
