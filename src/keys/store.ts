import { DatabaseError, type Queryable } from '../db';
import { KmsError } from '../errors';
import { KeyPolicies } from '../policy/key-policies';
import type {
  ConnectionStateType,
  KeySpec,
  KeyState,
  KeyUsageType,
  OriginType,
} from '../shapes/kms.generated';
import { keyArn, type Place } from './identifiers';
import type { Key, StoreOfKey } from './key';
import { type MaterialRow, firstLapse, materialRows, toMaterial } from './material';
import { type Tag, putTags } from './tags';

interface KeyRow {
  readonly key_id: string;
  readonly account_id: string;
  readonly description: string;
  readonly key_spec: KeySpec;
  readonly key_usage: KeyUsageType;
  readonly origin: OriginType;
  readonly key_manager: Key['keyManager'];
  readonly state: KeyState;
  readonly multi_region: boolean;
  readonly created_at: Date;
  readonly deletion_date: Date | null;
  readonly policy: string;
  readonly current_material_id: string | null;
  readonly materials: readonly MaterialRow[];
  readonly rotation_period_days: number | null;
  readonly next_rotation_at: Date | null;
  readonly tag_keys: string[];
  readonly tag_values: string[];
  readonly aliases: string[];
  readonly custom_key_store_id: string | null;
  readonly xks_key_id: string | null;
  readonly connection_state: ConnectionStateType | null;
  readonly cloud_hsm_cluster_id: string | null;
}

export interface NewKey {
  readonly keyId: string;
  readonly accountId: string;
  readonly description: string;
  readonly keySpec: KeySpec;
  readonly keyUsage: KeyUsageType;
  readonly origin?: OriginType;
  /** Of origin AWS_CLOUDHSM or EXTERNAL_KEY_STORE. */
  readonly customKeyStoreId?: string;
  /** Of origin EXTERNAL_KEY_STORE. */
  readonly xksKeyId?: string;
  readonly keyManager?: Key['keyManager'];
  readonly policy: string;
  readonly tags: readonly Tag[];
}

const columns = `
  k.key_id, k.account_id, k.description, k.key_spec, k.key_usage, k.origin, k.key_manager, k.state, k.multi_region,
  k.created_at, k.deletion_date, k.policy, k.current_material_id, k.rotation_period_days, k.next_rotation_at,
  k.custom_key_store_id, k.xks_key_id, s.connection_state, s.cloud_hsm_cluster_id,
  ${materialRows} as materials,
  array(select t.tag_key from key_tag t where t.key_id = k.key_id order by t.position) as tag_keys,
  array(select t.tag_value from key_tag t where t.key_id = k.key_id order by t.position) as tag_values,
  array(select a.alias_name from alias a where a.key_id = k.key_id order by a.alias_name) as aliases`;

/** With the custom key store of the key, where it has one: by its primary key, and not asked for where it has none. */
const fromKey = `kms_key k left join custom_key_store s on s.custom_key_store_id = k.custom_key_store_id`;

/** A key whose deletion has begun is none: see deletion.ts. */
const exists = 'k.deleting_since is null';

/** The ids of a key's materials, whatever its state. */
export async function materialsOf(db: Queryable, keyId: string): Promise<string[]> {
  const rows = await db.query<{ material_id: string }>({
    name: 'key-materials',
    text: 'select material_id from key_material where key_id = $1::text',
    values: [keyId],
  });
  return rows.map((row) => row.material_id);
}

/** The SQL of kms_key; that of key_material is in `material`, that of key_tag in `tags`. */
export class KeyStore {
  private readonly policies: KeyPolicies;

  constructor(private readonly place: Place) {
    this.policies = new KeyPolicies(place);
  }

  async find(db: Queryable, keyId: string): Promise<Key | undefined> {
    const [row] = await db.query<KeyRow>({
      name: 'key-find',
      text: `select ${columns} from ${fromKey} where k.key_id = $1::text and ${exists}`,
      values: [keyId],
    });
    return row === undefined ? undefined : this.toKey(row);
  }

  /** The key as it is now, locked until the transaction ends: what a change of it must be decided on. */
  async lock(db: Queryable, keyId: string): Promise<Key | undefined> {
    await db.query({
      name: 'key-lock',
      text: 'select key_id from kms_key where key_id = $1::text for update',
      values: [keyId],
    });
    // A statement that had to wait for the lock sees the key's row anew, but tags and aliases as they were before.
    return this.find(db, keyId);
  }

  /** Up to `limit` key ids of the account in order, those after `after` only. */
  async list(
    db: Queryable,
    page: { readonly accountId: string; readonly after: string; readonly limit: number },
  ): Promise<string[]> {
    const rows = await db.query<{ key_id: string }>({
      name: 'key-list',
      text: `
        select k.key_id from kms_key k
        where k.account_id = $1::text and k.key_id > $2::text and ${exists}
        order by k.key_id limit $3::int`,
      values: [page.accountId, page.after, page.limit],
    });
    return rows.map((row) => row.key_id);
  }

  /** Without material: what makes a key of origin AWS_KMS whole is `Materials.create`, in the same transaction. */
  async insert(db: Queryable, key: NewKey): Promise<Key> {
    await this.insertRow(db, key);
    if (key.tags.length > 0) await putTags(db, key.keyId, key.tags);
    const inserted = await this.find(db, key.keyId);
    if (inserted === undefined) throw new Error('a key that was just inserted is not there');
    return inserted;
  }

  private async insertRow(db: Queryable, key: NewKey): Promise<void> {
    const inserting = db.execute({
      name: 'key-insert',
      text: `
        insert into kms_key
          (key_id, account_id, description, key_spec, key_usage, origin, key_manager, state, policy, custom_key_store_id,
            xks_key_id)
        values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text, $9::text, $10::text,
          $11::text)`,
      values: [
        key.keyId,
        key.accountId,
        key.description,
        key.keySpec,
        key.keyUsage,
        key.origin ?? 'AWS_KMS',
        key.keyManager ?? 'CUSTOMER',
        key.origin === 'EXTERNAL' ? 'PendingImport' : 'Enabled',
        key.policy,
        key.customKeyStoreId ?? null,
        key.xksKeyId ?? null,
      ],
    });
    await inserting.catch((error: unknown) => {
      throw isXksKeyInUse(error) ? xksKeyInUse(key) : error;
    });
  }

  async setState(db: Queryable, keyId: string, state: KeyState): Promise<void> {
    await db.execute({
      name: 'key-set-state',
      text: 'update kms_key set state = $2::text where key_id = $1::text',
      values: [keyId, state],
    });
  }

  /** The key as it is with its new policy. */
  async setPolicy(db: Queryable, keyId: string, policy: string): Promise<Key> {
    await db.execute({
      name: 'key-set-policy',
      text: 'update kms_key set policy = $2::text where key_id = $1::text',
      values: [keyId, policy],
    });
    const changed = await this.find(db, keyId);
    if (changed === undefined) throw new Error('a key that was just changed is not there');
    return changed;
  }

  async setDescription(db: Queryable, keyId: string, description: string): Promise<void> {
    await db.execute({
      name: 'key-set-description',
      text: 'update kms_key set description = $2::text where key_id = $1::text',
      values: [keyId, description],
    });
  }

  private toKey(row: KeyRow): Key {
    const arn = keyArn(this.place, row.account_id, row.key_id);
    const materials = new Map(row.materials.map((material) => [material.id, toMaterial(material)]));
    const { rotation_period_days: periodDays, next_rotation_at: nextAt } = row;
    return {
      keyId: row.key_id,
      accountId: row.account_id,
      arn,
      description: row.description,
      keySpec: row.key_spec,
      keyUsage: row.key_usage,
      origin: row.origin,
      customKeyStore: toStore(row),
      xksKeyId: row.xks_key_id ?? undefined,
      keyManager: row.key_manager,
      state: row.state,
      multiRegion: row.multi_region,
      createdAt: row.created_at,
      deletionDate: row.deletion_date ?? undefined,
      policy: this.policies.compile(row.policy),
      tags: row.tag_keys.map((TagKey, at) => ({ TagKey, TagValue: row.tag_values[at] ?? '' })),
      aliases: row.aliases,
      currentMaterial: materials.get(row.current_material_id ?? ''),
      materials,
      lapsesAt: firstLapse(materials.values()),
      rotation: periodDays === null || nextAt === null ? undefined : { periodDays, nextAt },
    };
  }
}

function toStore(row: KeyRow): StoreOfKey | undefined {
  const { custom_key_store_id: id, connection_state: connectionState } = row;
  if (id === null || connectionState === null) return undefined;
  return { id, connectionState, cloudHsmClusterId: row.cloud_hsm_cluster_id ?? undefined };
}

/** Two keys of a store cannot be under one external key (kms-semantics §12.3). */
function isXksKeyInUse(error: unknown): boolean {
  return error instanceof DatabaseError && error.constraint === 'kms_key_xks_key_id_key';
}

function xksKeyInUse({ xksKeyId = '' }: NewKey): KmsError {
  return new KmsError(
    'XksKeyAlreadyInUseException',
    `The external key ${xksKeyId} is already associated with a KMS key in this external key store.`,
  );
}
