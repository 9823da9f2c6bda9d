import type { Queryable, Transaction } from '../db';
import type { XksStore } from './store';

/** A row of xks_store. Its credentials are in xks_credential. */
export interface StoreRecord extends Pick<
  XksStore,
  'prefix' | 'accountId' | 'region' | 'status' | 'rate'
> {
  /** JSON; undefined where AWS's own policies decide alone. */
  readonly rules: string | undefined;
  readonly createdAt: Date;
}

interface StoreRow {
  readonly prefix: string;
  readonly account_id: string;
  readonly region: string;
  readonly status: XksStore['status'];
  readonly rate: number | null;
  readonly rules: string | null;
  readonly created_at: Date;
}

const columns = 'prefix, account_id, region, status, rate, rules, created_at';

/** Every worker reads the store and its credentials anew. The change feed has no empty ids, so `/` stands for that prefix. */
export function announceStore(transaction: Transaction, prefix: string): void {
  transaction.announce({ topic: 'xks-store', id: storeCacheKey(prefix) });
}

/** The name of a store in the cache and in the change feed. */
export function storeCacheKey(prefix: string): string {
  return prefix === '' ? '/' : prefix;
}

export async function findStore(db: Queryable, prefix: string): Promise<StoreRecord | undefined> {
  const [row] = await db.query<StoreRow>({
    name: 'xks-store-find',
    text: `select ${columns} from xks_store where prefix = $1::text`,
    values: [prefix],
  });
  return row === undefined ? undefined : toRecord(row);
}

/** Locks it until the transaction ends: whoever changes it, its credentials or its keys holds this. */
export async function lockStore(db: Queryable, prefix: string): Promise<StoreRecord | undefined> {
  const [row] = await db.query<StoreRow>({
    name: 'xks-store-lock',
    text: `select ${columns} from xks_store where prefix = $1::text for update`,
    values: [prefix],
  });
  return row === undefined ? undefined : toRecord(row);
}

/** In order of prefix. */
export async function listStores(db: Queryable): Promise<StoreRecord[]> {
  const rows = await db.query<StoreRow>({
    name: 'xks-store-list',
    text: `select ${columns} from xks_store order by prefix`,
  });
  return rows.map(toRecord);
}

export async function listPrefixes(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ prefix: string }>({
    name: 'xks-store-prefixes',
    text: 'select prefix from xks_store',
  });
  return rows.map((row) => row.prefix);
}

/** Undefined when the prefix is taken. */
export async function insertStore(
  transaction: Transaction,
  store: Omit<StoreRecord, 'status' | 'createdAt'>,
): Promise<StoreRecord | undefined> {
  const [row] = await transaction.query<StoreRow>({
    name: 'xks-store-insert',
    text: `
      insert into xks_store (prefix, account_id, region, rate, rules)
      values ($1::text, $2::text, $3::text, $4::int, $5::text)
      on conflict do nothing returning ${columns}`,
    values: [store.prefix, store.accountId, store.region, store.rate ?? null, store.rules ?? null],
  });
  if (row === undefined) return undefined;
  announceStore(transaction, store.prefix);
  return toRecord(row);
}

/** The caller holds its lock. */
export async function updateStore(
  transaction: Transaction,
  store: Omit<StoreRecord, 'accountId' | 'createdAt'>,
): Promise<void> {
  await transaction.execute({
    name: 'xks-store-update',
    text: `
      update xks_store set region = $2::text, status = $3::text, rate = $4::int, rules = $5::text
      where prefix = $1::text`,
    values: [store.prefix, store.region, store.status, store.rate ?? null, store.rules ?? null],
  });
  announceStore(transaction, store.prefix);
}

/** With its credentials, and the external key ids that it remembers. The caller holds its lock. */
export async function removeStore(transaction: Transaction, prefix: string): Promise<void> {
  await transaction.execute({
    name: 'xks-store-remove',
    text: 'delete from xks_store where prefix = $1::text',
    values: [prefix],
  });
  announceStore(transaction, prefix);
}

function toRecord(row: StoreRow): StoreRecord {
  return {
    prefix: row.prefix,
    accountId: row.account_id,
    region: row.region,
    status: row.status,
    rate: row.rate ?? undefined,
    rules: row.rules ?? undefined,
    createdAt: row.created_at,
  };
}
