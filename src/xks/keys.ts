import type { Queryable, Transaction } from '../db';
import type { KeyState } from '../shapes/kms.generated';
import type { XksKeyUsage } from './store';

/** A row of xks_key. */
export interface ExternalKeyRecord {
  readonly prefix: string;
  readonly externalKeyId: string;
  /** Undefined when the KMS key is gone: the id stands for nothing any more. */
  readonly keyId: string | undefined;
  readonly usages: readonly XksKeyUsage[];
  readonly status: 'ENABLED' | 'DISABLED' | 'DELETED';
  /** JSON; undefined where those of the store decide alone. */
  readonly rules: string | undefined;
  readonly createdAt: Date;
}

interface KeyRow {
  readonly prefix: string;
  readonly external_key_id: string;
  readonly key_id: string | null;
  readonly usages: XksKeyUsage[];
  readonly status: ExternalKeyRecord['status'];
  readonly rules: string | null;
  readonly created_at: Date;
}

const columns = 'prefix, external_key_id, key_id, usages, status, rules, created_at';

/** What names an external key, in the cache and in the change feed. No external key id has a colon. */
export function externalKeyCacheKey(prefix: string, externalKeyId: string): string {
  return `${prefix}:${externalKeyId}`;
}

/** One that is deleted, too. */
export async function findExternalKey(
  db: Queryable,
  prefix: string,
  externalKeyId: string,
): Promise<ExternalKeyRecord | undefined> {
  const [row] = await db.query<KeyRow>({
    name: 'xks-key-find',
    text: `
      select ${columns} from xks_key where prefix = $1::text and external_key_id = $2::text`,
    values: [prefix, externalKeyId],
  });
  return row === undefined ? undefined : toRecord(row);
}

/** With the state of its KMS key, as the row has it; undefined where that is gone. */
export interface ListedExternalKey extends ExternalKeyRecord {
  readonly keyState: KeyState | undefined;
}

/** In order of prefix and external key id, those after `after` only: the ones that are deleted too. */
export async function listExternalKeys(
  db: Queryable,
  page: {
    /** Those of every store when none is named. */
    readonly prefix: string | undefined;
    readonly after: Pick<ExternalKeyRecord, 'prefix' | 'externalKeyId'> | undefined;
    readonly limit: number;
  },
): Promise<ListedExternalKey[]> {
  const rows = await db.query<KeyRow & { readonly key_state: KeyState | null }>({
    name: 'xks-key-list',
    text: `
      select x.prefix, x.external_key_id, x.key_id, x.usages, x.status, x.rules, x.created_at, k.state as key_state
      from xks_key x left join kms_key k on k.key_id = x.key_id
      where ($1::text is null or x.prefix = $1::text)
        and ($2::text is null or (x.prefix, x.external_key_id) > ($2::text, $3::text))
      order by x.prefix, x.external_key_id limit $4::int`,
    values: [
      page.prefix ?? null,
      ...[page.after?.prefix ?? null, page.after?.externalKeyId ?? null],
      page.limit,
    ],
  });
  return rows.map((row) => ({ ...toRecord(row), keyState: row.key_state ?? undefined }));
}

/** How many a store has that are not deleted. */
export async function countExternalKeys(db: Queryable, prefix: string): Promise<number> {
  const [row] = await db.query<{ count: number }>({
    name: 'xks-key-count',
    text: `
      select count(*)::int as count from xks_key where prefix = $1::text and status <> 'DELETED'`,
    values: [prefix],
  });
  return row?.count ?? 0;
}

/** What external key, if any, a KMS key is, in whichever store. */
export async function externalKeyOf(
  db: Queryable,
  keyId: string,
): Promise<ExternalKeyRecord | undefined> {
  const [row] = await db.query<KeyRow>({
    name: 'xks-key-of-key',
    text: `select ${columns} from xks_key where key_id = $1::text and status <> 'DELETED'`,
    values: [keyId],
  });
  return row === undefined ? undefined : toRecord(row);
}

/**
 * The id stands for the KMS key from now on: a new one, or one that stood for the same key and was deleted. The caller holds
 * the lock of the store, and has made sure that it may.
 */
export async function putExternalKey(
  transaction: Transaction,
  key: Omit<ExternalKeyRecord, 'createdAt'> & { readonly keyId: string },
): Promise<ExternalKeyRecord> {
  const [row] = await transaction.query<KeyRow>({
    name: 'xks-key-put',
    text: `
      insert into xks_key (prefix, external_key_id, key_id, usages, status, rules)
      values ($1::text, $2::text, $3::text, $4::text[], $5::text, $6::text)
      on conflict (prefix, external_key_id) do update
        set usages = excluded.usages, status = excluded.status, rules = excluded.rules
        where xks_key.key_id = excluded.key_id and xks_key.status = 'DELETED'
      returning ${columns}`,
    values: [
      ...[key.prefix, key.externalKeyId, key.keyId],
      ...[key.usages, key.status, key.rules ?? null],
    ],
  });
  if (row === undefined) throw new Error('an external key id stands for another key');
  announceExternalKey(transaction, key);
  return toRecord(row);
}

/** The caller holds the lock of the store. */
export async function updateExternalKey(
  transaction: Transaction,
  key: Pick<ExternalKeyRecord, 'prefix' | 'externalKeyId' | 'usages' | 'status' | 'rules'>,
): Promise<void> {
  await transaction.execute({
    name: 'xks-key-update',
    text: `
      update xks_key set usages = $3::text[], status = $4::text, rules = $5::text
      where prefix = $1::text and external_key_id = $2::text`,
    values: [key.prefix, key.externalKeyId, key.usages, key.status, key.rules ?? null],
  });
  announceExternalKey(transaction, key);
}

function announceExternalKey(
  transaction: Transaction,
  { prefix, externalKeyId }: Pick<ExternalKeyRecord, 'prefix' | 'externalKeyId'>,
): void {
  transaction.announce({ topic: 'xks-key', id: externalKeyCacheKey(prefix, externalKeyId) });
}

function toRecord(row: KeyRow): ExternalKeyRecord {
  return {
    prefix: row.prefix,
    externalKeyId: row.external_key_id,
    keyId: row.key_id ?? undefined,
    usages: row.usages,
    status: row.status,
    rules: row.rules ?? undefined,
    createdAt: row.created_at,
  };
}
