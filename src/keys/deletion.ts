import type { Queryable, Transaction } from '../db';
import { aliasCacheKey } from './aliases';
import { incomplete } from './imported-material';

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

/**
 * The point of no return of a key whose date has come: nobody finds it, its aliases or its grants any more. Does nothing to
 * a key whose deletion was cancelled, is not due, or has begun.
 */
export async function beginDeletion(
  transaction: Transaction,
  { keyId, clockOffsetSeconds }: { keyId: string; clockOffsetSeconds: number },
): Promise<void> {
  const begun = await transaction.execute({
    name: 'key-begin-deletion',
    text: `
      update kms_key set deleting_since = now()
      where key_id = $1::text and state = 'PendingDeletion' and deleting_since is null
        and deletion_date <= now() + make_interval(secs => $2::float8)`,
    values: [keyId, clockOffsetSeconds],
  });
  if (begun === 0) return;
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
  readonly materials: readonly DoomedMaterial[];
}

/** Material in a token. What is wrapped is gone with its row. */
export interface DoomedMaterial {
  readonly materialId: string;
  readonly tokenSerial: string;
}

/** A key whose deletion has begun, locked; undefined when it is gone, or another worker holds it. */
export async function lockDoomedKey(db: Queryable, keyId: string): Promise<DoomedKey | undefined> {
  const [key] = await db.query<{ account_id: string }>({
    name: 'key-lock-doomed',
    text: `
      select account_id from kms_key where key_id = $1::text and deleting_since is not null
      for update skip locked`,
    values: [keyId],
  });
  return key && { keyId, accountId: key.account_id, materials: await doomedMaterials(db, keyId) };
}

export async function doomedMaterials(db: Queryable, keyId: string): Promise<DoomedMaterial[]> {
  const rows = await db.query<{ material_id: string; token_serial: string }>({
    name: 'key-materials-doomed',
    text: `
      select material_id, token_serial from key_material where key_id = $1::text and kind = 'resident'`,
    values: [keyId],
  });
  return rows.map((row) => ({ materialId: row.material_id, tokenSerial: row.token_serial }));
}

/** With its materials and tags. */
export async function removeKey(db: Queryable, keyId: string): Promise<void> {
  await db.execute({
    name: 'key-remove',
    text: 'delete from kms_key where key_id = $1::text',
    values: [keyId],
  });
}
