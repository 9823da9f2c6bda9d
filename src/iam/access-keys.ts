import type { Queryable } from '../db';
import { KmsError } from '../errors';
import { type EntityName } from './arns';
import { lockEntity, requireEntity } from './entities';

/** Whose access keys: a user's, or an account's root's. */
export interface KeyOwner {
  readonly accountId: string;
  /** AIDA…, or the account id. */
  readonly principalId: string;
  /** Undefined of a root. */
  readonly userName: string | undefined;
}

export interface AccessKeyFacts {
  readonly accessKeyId: string;
  readonly status: 'Active' | 'Inactive';
  readonly createdAt: Date;
}

interface AccessKeyRow {
  readonly access_key_id: string;
  readonly status: 'Active' | 'Inactive';
  readonly created_at: Date;
}

/** The named user, or without one the account's root. Throws NoSuchEntity. */
export async function findKeyOwner(
  db: Queryable,
  accountId: string,
  user: EntityName | undefined,
): Promise<KeyOwner> {
  if (user === undefined) return rootOwner(accountId);
  const { id, name } = await requireEntity(db, user);
  return { accountId, principalId: id, userName: name };
}

/** As findKeyOwner, locked: its access keys can be counted and changed until the transaction ends. */
export async function lockKeyOwner(
  db: Queryable,
  accountId: string,
  user: EntityName | undefined,
): Promise<KeyOwner> {
  if (user === undefined) {
    await db.query({
      name: 'root-lock',
      text: 'select principal_id from principal where principal_id = $1::text for update',
      values: [accountId],
    });
    return rootOwner(accountId);
  }
  const { id, name } = await lockEntity(db, user);
  return { accountId, principalId: id, userName: name };
}

function rootOwner(accountId: string): KeyOwner {
  return { accountId, principalId: accountId, userName: undefined };
}

/** In order of id, those after `after` only. */
export async function listAccessKeys(
  db: Queryable,
  { accountId, principalId }: KeyOwner,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<AccessKeyFacts[]> {
  const rows = await db.query<AccessKeyRow>({
    name: 'access-key-list',
    text: `
      select access_key_id, status, created_at from access_key
      where account_id = $1::text and principal_id = $2::text and access_key_id > $3::text
      order by access_key_id limit $4::int`,
    values: [accountId, principalId, after, limit],
  });
  return rows.map(toFacts);
}

/** The ids of all access keys of a principal. */
export async function accessKeyIdsOf(
  db: Queryable,
  owner: Pick<KeyOwner, 'accountId' | 'principalId'>,
): Promise<string[]> {
  const rows = await db.query<{ access_key_id: string }>({
    name: 'access-key-ids',
    text: `
      select access_key_id from access_key where account_id = $1::text and principal_id = $2::text`,
    values: [owner.accountId, owner.principalId],
  });
  return rows.map((row) => row.access_key_id);
}

export async function setAccessKeyStatus(
  db: Queryable,
  { accountId, principalId }: KeyOwner,
  { accessKeyId, status }: Pick<AccessKeyFacts, 'accessKeyId' | 'status'>,
): Promise<void> {
  const changed = await db.execute({
    name: 'access-key-set-status',
    text: `
      update access_key set status = $4::text
      where account_id = $1::text and principal_id = $2::text and access_key_id = $3::text`,
    values: [accountId, principalId, accessKeyId, status],
  });
  if (changed === 0) throw noSuchAccessKey(accessKeyId);
}

/** Throws NoSuchEntity when the owner has no such key. */
export async function removeAccessKey(
  db: Queryable,
  { accountId, principalId }: KeyOwner,
  accessKeyId: string,
): Promise<void> {
  const removed = await db.execute({
    name: 'access-key-remove',
    text: `
      delete from access_key
      where account_id = $1::text and principal_id = $2::text and access_key_id = $3::text`,
    values: [accountId, principalId, accessKeyId],
  });
  if (removed === 0) throw noSuchAccessKey(accessKeyId);
}

export interface AccessKeyUse {
  readonly userName: string | undefined;
  readonly ownerArn: string;
  readonly lastUsedAt: Date | undefined;
  readonly service: string | undefined;
  readonly region: string | undefined;
}

interface AccessKeyUseRow {
  readonly arn: string;
  readonly name: string | null;
  readonly last_used_at: Date | null;
  readonly last_used_service: string | null;
  readonly last_used_region: string | null;
}

/** Of an access key of the account; undefined when it has none of that id. */
export async function findAccessKeyUse(
  db: Queryable,
  accountId: string,
  accessKeyId: string,
): Promise<AccessKeyUse | undefined> {
  const [row] = await db.query<AccessKeyUseRow>({
    name: 'access-key-use',
    text: `
      select p.arn, p.name, k.last_used_at, k.last_used_service, k.last_used_region
      from access_key k join principal p using (account_id, principal_id)
      where k.account_id = $1::text and k.access_key_id = $2::text`,
    values: [accountId, accessKeyId],
  });
  return (
    row && {
      userName: row.name ?? undefined,
      ownerArn: row.arn,
      lastUsedAt: row.last_used_at ?? undefined,
      service: row.last_used_service ?? undefined,
      region: row.last_used_region ?? undefined,
    }
  );
}

export function noSuchAccessKey(accessKeyId: string): KmsError {
  return new KmsError('NoSuchEntity', `The Access Key with id ${accessKeyId} cannot be found.`);
}

function toFacts(row: AccessKeyRow): AccessKeyFacts {
  return {
    accessKeyId: row.access_key_id,
    status: row.status,
    createdAt: row.created_at,
  };
}

/** Roots have no name, and answers about their keys none either. */
export function describeKeyOwner({ userName }: Pick<KeyOwner, 'userName'>): { UserName: string } {
  return (userName === undefined ? {} : { UserName: userName }) as { UserName: string };
}
