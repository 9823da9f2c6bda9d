import type { Token } from '../../hsm';
import { type Database, type Queryable, type Transaction, inTransaction } from '../db';
import { newUniqueId } from '../iam/ids';
import { type Place, accountRootArn } from '../keys/identifiers';
import type { MaterialStorage } from '../keys/material';
import { insertAccessKey } from './access-keys';
import { reseal } from './resealing';
import { Sealing, type SealingPurpose, sealingPurposes } from './sealing';
import { Secret } from './secret';

/** An access key as it is shown, once. */
export interface IssuedAccessKey {
  readonly AccountId: string;
  readonly Arn: string;
  readonly AccessKeyId: string;
  readonly SecretAccessKey: Secret;
}

interface Parts {
  readonly database: Database;
  readonly token: Token;
  readonly place: Place;
  /** Of sealing keys, as of the material of the keys of KMS. */
  readonly storage?: MaterialStorage;
}

/** Two `claviger init` at once must not make two sealing keys: this number is their advisory lock. */
const initLock = 0x636c6176;

/**
 * Makes what is missing of: the sealing keys in the token, the account, its root, an access key of the root.
 * Returns the access key when it made one (`another`: makes one in any case), else undefined.
 */
export async function initialiseAccount(
  parts: Parts,
  accountId: string,
  { another }: { another: boolean },
): Promise<IssuedAccessKey | undefined> {
  return inTransaction(parts.database, async (transaction) => {
    await transaction.query({ text: 'select pg_advisory_xact_lock($1::int)', values: [initLock] });
    await makeSealingKeys(parts, transaction);
    const arn = accountRootArn(parts.place, accountId);
    await insertAccount(transaction, { accountId, rootArn: arn });
    if (!another && (await isInitialised(transaction, accountId, parts.storage))) return undefined;
    const owner = { AccountId: accountId, Arn: arn };
    return issueAccessKey({ token: parts.token, transaction }, { owner, principalId: accountId });
  });
}

/**
 * Those that are missing, and for a wrapped store those that are not wrapped: another token with its wrapping key can serve it
 * then. What resident ones sealed that lasts is sealed anew.
 */
async function makeSealingKeys(
  { database, token, storage = 'resident' }: Parts,
  transaction: Transaction,
): Promise<void> {
  const missing = await missingSealingKeys(transaction, storage);
  for (const purpose of missing) {
    await new Sealing(token, purpose).createKey(database, transaction, storage);
    await reseal(transaction, token, purpose);
  }
}

async function missingSealingKeys(
  db: Queryable,
  storage: MaterialStorage,
): Promise<SealingPurpose[]> {
  const rows = await db.query<{ purpose: string }>({
    text: `
      select distinct purpose from system_key where $1::text = 'resident' or wrapping_key_id is not null`,
    values: [storage],
  });
  const there = new Set(rows.map(({ purpose }) => purpose));
  return sealingPurposes.filter((purpose) => !there.has(purpose));
}

/** Makes an access key of a principal. Its id is new, so that no worker can have cached that there is none. */
export async function issueAccessKey(
  { token, transaction }: { readonly token: Token; readonly transaction: Queryable },
  {
    owner,
    principalId,
  }: {
    readonly owner: Pick<IssuedAccessKey, 'AccountId' | 'Arn'>;
    readonly principalId: string;
  },
): Promise<IssuedAccessKey> {
  const sealing = new Sealing(token);
  const sealingKeyId = await sealing.currentKey(transaction);
  if (sealingKeyId === undefined) {
    throw new Error('there is no sealing key: `claviger init` makes it');
  }
  const issued = { ...owner, ...newCredentials(token) };
  await insertAccessKey(transaction, sealing, {
    sealingKeyId,
    key: {
      accountId: owner.AccountId,
      principalId,
      accessKeyId: issued.AccessKeyId,
      secret: issued.SecretAccessKey,
    },
  });
  return issued;
}

interface NewAccount {
  readonly accountId: string;
  readonly rootArn: string;
  readonly name?: string | undefined;
}

/** An account and its root, each when it is missing. Returns false when the account was there. */
export async function insertAccount(
  db: Queryable,
  { accountId, rootArn, name }: NewAccount,
): Promise<boolean> {
  const inserted = await db.execute({
    text: `
      insert into account (account_id, name) values ($1::text, $2::text) on conflict do nothing`,
    values: [accountId, name ?? null],
  });
  await db.execute({
    text: `
      insert into principal (principal_id, account_id, arn, kind)
      values ($1::text, $1::text, $2::text, 'root') on conflict do nothing`,
    values: [accountId, rootArn],
  });
  return inserted === 1;
}

export interface Account {
  readonly accountId: string;
  readonly name: string | undefined;
}

interface AccountRow {
  readonly account_id: string;
  readonly name: string | null;
}

export async function listAccounts(db: Queryable): Promise<Account[]> {
  const rows = await db.query<AccountRow>({
    text: 'select account_id, name from account order by account_id',
  });
  return rows.map((row) => ({ accountId: row.account_id, name: row.name ?? undefined }));
}

export async function findAccount(db: Queryable, accountId: string): Promise<boolean> {
  const rows = await db.query({
    text: 'select account_id from account where account_id = $1::text',
    values: [accountId],
  });
  return rows.length > 0;
}

/** Whether there is nothing left to make: an active access key exists, and a sealing key of every purpose. */
export async function isInitialised(
  db: Queryable,
  accountId: string,
  storage: MaterialStorage = 'resident',
): Promise<boolean> {
  const rows = await db.query({
    text: `
      select access_key_id from access_key
      where account_id = $1::text and status = 'Active' limit 1`,
    values: [accountId],
  });
  return rows.length > 0 && (await missingSealingKeys(db, storage)).length === 0;
}

/** A new id, and 30 random bytes of the token as 40 base64 characters. */
export function newCredentials(
  token: Token,
): Pick<IssuedAccessKey, 'AccessKeyId' | 'SecretAccessKey'> {
  return {
    AccessKeyId: newUniqueId('AKIA'),
    SecretAccessKey: new Secret(token.generateRandom(30).toString('base64')),
  };
}
