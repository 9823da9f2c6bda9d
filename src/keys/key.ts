import type {
  ConnectionStateType,
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
  /** Whose material is in another token than the main one, or under an external key too. */
  readonly customKeyStore: StoreOfKey | undefined;
  /** Of a key in an external key store: what its proxy calls the external key. */
  readonly xksKeyId: string | undefined;
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

/** The custom key store of a key, as it was when the key was read: a change of it drops the key. */
export interface StoreOfKey {
  readonly id: string;
  readonly connectionState: ConnectionStateType;
  /** Of a store of type AWS_CLOUDHSM. */
  readonly cloudHsmClusterId: string | undefined;
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
    ...currentMaterial(key),
    ...expiration(key),
    ...customKeyStore(key),
    ...(key.deletionDate === undefined ? {} : { DeletionDate: key.deletionDate }),
  };
}

function currentMaterial(key: Key): Pick<KeyMetadata, 'CurrentKeyMaterialId'> {
  const id = shownMaterialId(key, key.currentMaterial?.id);
  return id === undefined ? {} : { CurrentKeyMaterialId: id };
}

/**
 * The id of a key's material, where answers and records name it: of symmetric keys, which may have several, and none of
 * custom key stores, which never rotate (kms-semantics §2.6, §12.4).
 */
export function shownMaterialId(
  { keySpec, customKeyStore }: Pick<Key, 'keySpec' | 'customKeyStore'>,
  materialId: string | undefined,
): string | undefined {
  return keySpec === 'SYMMETRIC_DEFAULT' && customKeyStore === undefined ? materialId : undefined;
}

function customKeyStore({
  customKeyStore: store,
  xksKeyId,
}: Key): Pick<KeyMetadata, 'CustomKeyStoreId' | 'CloudHsmClusterId' | 'XksKeyConfiguration'> {
  if (store === undefined) return {};
  return {
    CustomKeyStoreId: store.id,
    ...(store.cloudHsmClusterId !== undefined && { CloudHsmClusterId: store.cloudHsmClusterId }),
    ...(xksKeyId !== undefined && { XksKeyConfiguration: { Id: xksKeyId } }),
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
