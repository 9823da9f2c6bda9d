import type {
  KeyMetadata,
  KeySpec,
  KeyState,
  KeyUsageType,
  OriginType,
} from '../shapes/kms.generated';
import type { ResourcePolicy } from '../policy/policy';
import { type Material, isAssociated } from './material';
import { algorithmsOf } from './specs';
import { stateNow } from './states';
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
  /** When the first of the materials that it needs expires, on this process's steady clock; undefined: never. */
  readonly lapsesAt: number | undefined;
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

type SpecMember =
  | 'KeyUsage'
  | 'CustomerMasterKeySpec'
  | 'KeySpec'
  | Exclude<(typeof algorithmMember)[keyof typeof algorithmMember], 'MacAlgorithms'>;

/** What a key is good for, as KeyMetadata and GetPublicKey tell it: one list of algorithms, that of its usage. */
export function specMembers({
  keySpec,
  keyUsage,
}: Pick<Key, 'keySpec' | 'keyUsage'>): Pick<KeyMetadata, SpecMember> {
  return {
    KeyUsage: keyUsage,
    // Deprecated, and sent by AWS all the same; its enum lacks the newest specs (kms-semantics §2.6).
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    CustomerMasterKeySpec: keySpec as NonNullable<KeyMetadata['CustomerMasterKeySpec']>,
    KeySpec: keySpec,
    [algorithmMember[keyUsage]]: [...algorithmsOf(keySpec, keyUsage)],
  };
}

/** KeyMetadata with the field presence of kms-semantics §2.6. */
export function keyMetadata(key: Key): KeyMetadata {
  const state = stateNow(key);
  return {
    AWSAccountId: key.accountId,
    KeyId: key.keyId,
    Arn: key.arn,
    CreationDate: key.createdAt,
    Enabled: state === 'Enabled',
    Description: key.description,
    KeyState: state,
    Origin: key.origin,
    KeyManager: key.keyManager,
    MultiRegion: key.multiRegion,
    ...specMembers(key),
    ...(key.keySpec === 'SYMMETRIC_DEFAULT' && key.currentMaterial !== undefined
      ? { CurrentKeyMaterialId: key.currentMaterial.id }
      : {}),
    ...expiration(key),
    ...(key.deletionDate === undefined ? {} : { DeletionDate: key.deletionDate }),
  };
}

/** Of a key whose imported material is there: when the first of it expires, if any does. */
function expiration({
  currentMaterial,
  materials,
}: Key): Pick<KeyMetadata, 'ExpirationModel' | 'ValidTo'> {
  if (currentMaterial?.imported?.state !== 'IMPORTED') return {};
  const ends = [...materials.values()]
    .filter(isAssociated)
    .flatMap(({ imported }) => imported?.validTo?.getTime() ?? []);
  return ends.length === 0
    ? { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' }
    : { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: new Date(Math.min(...ends)) };
}
