import type { Queryable, Transaction } from '../db';

/** An internal service that is registered as a principal: it has access keys, and others may call through it. */
export interface RegisteredService {
  /** `docs.claviger.internal`, or one that AWS has too: `s3.amazonaws.com`. */
  readonly name: string;
  /** The account that registered it. What it may do is not bound to it. */
  readonly accountId: string;
  readonly createdAt: Date;
  /** Ids of its access keys, the oldest first. */
  readonly accessKeyIds: readonly string[];
}

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const nameForm = new RegExp(
  `^(?:${label}\\.claviger\\.internal|${label}(?:\\.${label})?\\.amazonaws\\.com)$`,
);

export function isServiceName(name: string): boolean {
  return nameForm.test(name);
}

/** Returns false when there is a service of that name. */
export async function insertService(
  db: Queryable,
  { name, accountId }: Pick<RegisteredService, 'name' | 'accountId'>,
): Promise<boolean> {
  const inserted = await db.execute({
    name: 'service-insert',
    text: `
      insert into principal (principal_id, account_id, arn, kind, name)
      values ($1::text, $2::text, $1::text, 'service', $1::text) on conflict do nothing`,
    values: [name, accountId],
  });
  return inserted === 1;
}

interface ServiceRow {
  readonly principal_id: string;
  readonly account_id: string;
  readonly created_at: Date;
  readonly access_key_ids: string[];
}

const columns = `
  p.principal_id, p.account_id, p.created_at,
  array(
    select a.access_key_id from access_key a
    where a.account_id = p.account_id and a.principal_id = p.principal_id order by a.created_at, a.access_key_id
  ) as access_key_ids`;

/** In order of name. */
export async function listServices(db: Queryable): Promise<RegisteredService[]> {
  const rows = await db.query<ServiceRow>({
    name: 'service-list',
    text: `select ${columns} from principal p where p.kind = 'service' order by p.principal_id`,
  });
  return rows.map(toService);
}

/** Locked until the transaction ends: its access keys can be counted and changed. */
export async function lockService(
  db: Queryable,
  name: string,
): Promise<RegisteredService | undefined> {
  const [row] = await db.query<ServiceRow>({
    name: 'service-lock',
    text: `
      select ${columns} from principal p
      where p.principal_id = $1::text and p.kind = 'service' for update of p`,
    values: [name],
  });
  return row && toService(row);
}

/** With its access keys. Policies and grants that name it are left: they name nobody until it is registered again. */
export async function removeService(
  transaction: Transaction,
  { name, accessKeyIds }: RegisteredService,
): Promise<void> {
  await transaction.execute({
    name: 'service-remove',
    text: `delete from principal where principal_id = $1::text and kind = 'service'`,
    values: [name],
  });
  transaction.announce({ topic: 'principal', id: name });
  for (const id of accessKeyIds) transaction.announce({ topic: 'access-key', id });
}

/** The caller holds the service's lock, and has seen that the key is its own. */
export async function removeServiceKey(
  transaction: Transaction,
  accessKeyId: string,
): Promise<void> {
  await transaction.execute({
    name: 'service-key-remove',
    text: 'delete from access_key where access_key_id = $1::text',
    values: [accessKeyId],
  });
  transaction.announce({ topic: 'access-key', id: accessKeyId });
}

function toService(row: ServiceRow): RegisteredService {
  return {
    name: row.principal_id,
    accountId: row.account_id,
    createdAt: row.created_at,
    accessKeyIds: row.access_key_ids,
  };
}
