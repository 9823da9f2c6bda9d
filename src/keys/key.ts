import type {
  KeyMetadata,
  KeySpec,
  KeyState,
  KeyUsageType,
  OriginType,
} from '../shapes/kms.generated';
import type { ResourcePolicy } from '../policy/policy';
import type { Material } from './material';
import { algorithmsOf } from './specs';
import type { Tag } from './tags';

/** A KMS key as a worker holds it: a row of kms_key with its materials and its compiled policy. Immutable. */
export interface Key {
  readonly keyId: string;
  readonly accountId: string;
  readonly arn: string;
  readonly description: string;
  readonly keySpec: KeySpec;
  readonly keyUsage: KeyUsageType;
  readonly origin: OriginType;
  /** `AWS`: made for a service, usable through it alone. */
  readonly keyManager: 'AWS' | 'CUSTOMER';
  readonly state: KeyState;
  readonly multiRegion: boolean;
  readonly createdAt: Date;
  readonly deletionDate: Date | undefined;
  readonly policy: ResourcePolicy;
  /** In the order in which they were added. */
  readonly tags: readonly Tag[];
  /** Names with `alias/`, in order. */
  readonly aliases: readonly string[];
  /** The material that encrypts; undefined before a first import. */
  readonly currentMaterial: Material | undefined;
  /** By key material id, in the order in which the key came by them: the current one, those before it, and what waits. */
  readonly materials: ReadonlyMap<string, Material>;
  /** Of a key that rotates by itself. */
  readonly rotation: { readonly periodDays: number; readonly nextAt: Date } | undefined;
}

/** The algorithm list of KeyMetadata stands under a name that depends on the usage (kms-semantics §2.6). */
const algorithmMember = {
  ENCRYPT_DECRYPT: 'EncryptionAlgorithms',
  SIGN_VERIFY: 'SigningAlgorithms',
  GENERATE_VERIFY_MAC: 'MacAlgorithms',
  KEY_AGREEMENT: 'KeyAgreementAlgorithms',
  ENCAPSULATE_DECAPSULATE: 'EncapsulationAlgorithms',
} as const satisfies Record<KeyUsageType, keyof KeyMetadata>;

/** KeyMetadata with the field presence of kms-semantics §2.6. */
export function keyMetadata(key: Key): KeyMetadata {
  return {
    AWSAccountId: key.accountId,
    KeyId: key.keyId,
    Arn: key.arn,
    CreationDate: key.createdAt,
    Enabled: key.state === 'Enabled',
    Description: key.description,
    KeyUsage: key.keyUsage,
    KeyState: key.state,
    Origin: key.origin,
    KeyManager: key.keyManager,
    // Deprecated, and sent by AWS all the same; its enum lacks the newest specs (kms-semantics §2.6).
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    CustomerMasterKeySpec: key.keySpec as NonNullable<KeyMetadata['CustomerMasterKeySpec']>,
    KeySpec: key.keySpec,
    MultiRegion: key.multiRegion,
    [algorithmMember[key.keyUsage]]: [...algorithmsOf(key.keySpec, key.keyUsage)],
    ...(key.keySpec === 'SYMMETRIC_DEFAULT' && key.currentMaterial !== undefined
      ? { CurrentKeyMaterialId: key.currentMaterial.id }
      : {}),
    ...(key.deletionDate === undefined ? {} : { DeletionDate: key.deletionDate }),
  };
}
