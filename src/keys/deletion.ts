import type { Queryable, Transaction } from '../db';
import type { KeySpec } from '../shapes/kms.generated';
import { aliasCacheKey } from './aliases';
import { type TokenObjectKind, inToken } from './doomed-objects';
import { incomplete } from './imported-material';
import { tokenObjectOf } from './specs';

/**
 * The key is pending deletion from now on, for so many days of 24 hours, by the clock of the database: daemons whose own
 * clocks differ agree on the date.
 */
export async function scheduleDeletion(db: Queryable, keyId: string, days: number): Promise<Date> {
  const [row] = await db.query<{ deletion_date: Date }>({
    name: 'key-schedule-deletion',
    text: `
      update kms_key
      set state = 'PendingDeletion', deletion_date = clock_timestamp() + make_interval(hours => 24 * $2::int)
      where key_id = $1::text
      returning deletion_date`,
    values: [keyId, days],
  });
  if (row === undefined) throw new Error('a key that was locked is not there');
  return row.deletion_date;
}

/**
 * Disabled, whatever it was before (kms-semantics §10); a key without its imported material waits for that (§1.1), as only
 * an import makes it whole.
 */
export async function cancelDeletion(db: Queryable, keyId: string): Promise<void> {
  await db.execute({
    name: 'key-cancel-deletion',
    text: `
      update kms_key k
      set state = case when ${incomplete} then 'PendingImport' else 'Disabled' end, deletion_date = null
      where k.key_id = $1::text`,
    values: [keyId],
  });
}

interface DueDeletion {
  readonly keyId: string;
  /** Added to both clocks. 0 but in tests. */
  readonly clockOffsetSeconds: number;
  /** The worker's clock, in milliseconds since 1970. */
  readonly now: number;
}

/**
 * The point of no return of a key whose date has come: nobody finds it, its aliases or its grants any more. Does nothing to
 * a key whose deletion was cancelled, is not due, or has begun. The date must have come by the worker's clock too: that of
 * the database is another's after a failover, and what is deleted too early is lost.
 */
export async function beginDeletion(
  transaction: Transaction,
  { keyId, clockOffsetSeconds, now }: DueDeletion,
): Promise<void> {
  const [due] = await transaction.query<{ deletion_date: Date }>({
    name: 'key-deletion-due',
    text: `
      select deletion_date from kms_key
      where key_id = $1::text and state = 'PendingDeletion' and deleting_since is null
        and deletion_date <= now() + make_interval(secs => $2::float8)
      for update`,
    values: [keyId, clockOffsetSeconds],
  });
  if (due === undefined) return;
  if (due.deletion_date.getTime() > now + clockOffsetSeconds * 1000) {
    throw new Error(
      'The date of the deletion has come by the clock of the database and not by that of this worker: one of them is wrong',
    );
  }
  await transaction.execute({
    name: 'key-begin-deletion',
    text: 'update kms_key set deleting_since = now() where key_id = $1::text',
    values: [keyId],
  });
  transaction.announce({ topic: 'key', id: keyId });
  const aliases = await transaction.query<{ account_id: string; alias_name: string }>({
    name: 'key-delete-aliases',
    text: 'delete from alias where key_id = $1::text returning account_id, alias_name',
    values: [keyId],
  });
  for (const { account_id, alias_name } of aliases) {
    transaction.announce({ topic: 'alias', id: aliasCacheKey(account_id, alias_name) });
  }
  // Workers may keep what they know of its grants: nobody asks for those of a key that is not found.
  await transaction.execute({
    name: 'key-delete-grants',
    text: 'delete from kms_grant where key_id = $1::text',
    values: [keyId],
  });
}

export interface DoomedKey {
  readonly keyId: string;
  readonly accountId: string;
  /** Of a key in a custom key store. */
  readonly customKeyStoreId: string | undefined;
  readonly xksKeyId: string | undefined;
  readonly materials: readonly DoomedMaterial[];
}

/** Material in a token. What is wrapped is gone with its row, and what was deleted before is doomed already. */
export interface DoomedMaterial {
  readonly materialId: string;
  readonly tokenSerial: string;
  readonly kind: TokenObjectKind;
  /** Whose token that is, where it is not the main one. */
  readonly store: { readonly id: string; readonly clusterId: string } | undefined;
}

/** A key whose deletion has begun, locked; undefined when it is gone, or another worker holds it. */
export async function lockDoomedKey(db: Queryable, keyId: string): Promise<DoomedKey | undefined> {
  const [key] = await db.query<DoomedKeyRow>({
    name: 'key-lock-doomed',
    text: `
      select account_id, custom_key_store_id, xks_key_id from kms_key where key_id = $1::text and deleting_since is not null
      for update skip locked`,
    values: [keyId],
  });
  if (key === undefined) return undefined;
  return {
    keyId,
    accountId: key.account_id,
    customKeyStoreId: key.custom_key_store_id ?? undefined,
    xksKeyId: key.xks_key_id ?? undefined,
    materials: await doomedMaterials(db, keyId),
  };
}

interface DoomedKeyRow {
  readonly account_id: string;
  readonly custom_key_store_id: string | null;
  readonly xks_key_id: string | null;
}

interface DoomedMaterialRow {
  readonly material_id: string;
  readonly token_serial: string;
  readonly key_spec: KeySpec;
  readonly custom_key_store_id: string | null;
  readonly cloud_hsm_cluster_id: string | null;
}

export async function doomedMaterials(db: Queryable, keyId: string): Promise<DoomedMaterial[]> {
  const rows = await db.query<DoomedMaterialRow>({
    name: 'key-materials-doomed',
    text: `
      select m.material_id, m.token_serial, k.key_spec, s.custom_key_store_id, s.cloud_hsm_cluster_id
      from key_material m join kms_key k using (key_id)
        left join custom_key_store s on s.custom_key_store_id = k.custom_key_store_id and k.origin = 'AWS_CLOUDHSM'
      where k.key_id = $1::text and ${inToken}`,
    values: [keyId],
  });
  return rows.map((row) => ({
    materialId: row.material_id,
    tokenSerial: row.token_serial,
    kind: tokenObjectOf(row.key_spec),
    store: storeOf(row),
  }));
}

function storeOf(row: DoomedMaterialRow): DoomedMaterial['store'] {
  const { custom_key_store_id: id, cloud_hsm_cluster_id: clusterId } = row;
  return id === null || clusterId === null ? undefined : { id, clusterId };
}

/** With its materials and tags. Its account may have another in its place. */
export async function removeKey(db: Queryable, keyId: string): Promise<void> {
  await db.execute({
    name: 'key-remove',
    // To be deleted is a key's right, whatever the count says: it is never what a deletion fails for.
    text: `
      with removed as (delete from kms_key where key_id = $1::text returning account_id, key_manager)
      update account a set key_count = greatest(a.key_count - 1, 0) from removed r
      where a.account_id = r.account_id and r.key_manager = 'CUSTOMER'`,
    values: [keyId],
  });
}
