import { randomBytes, randomUUID } from 'node:crypto';
import { type Database, inTransaction, openDatabase } from '../../src/db';
import { KeyStore, type NewKey } from '../../src/keys/store';
import { defaultKeyPolicy } from '../../src/policy/compile';
import { administer, cloneDatabase } from './postgres';
import { accountId, otherAccountId, place, rootOf } from './sample-keys';

/** A database with the roots of the two sample accounts in it. */
export interface AccountsDatabase {
  readonly url: string;
  readonly database: Database;
  drop(): Promise<void>;
}

export async function openAccounts(): Promise<AccountsDatabase> {
  const cloned = await cloneDatabase();
  const database = openDatabase({
    url: cloned.url,
    poolSize: 4,
    statementTimeoutMs: 5000,
    connectTimeoutMs: 5000,
  });
  for (const account of [accountId, otherAccountId]) {
    await administer(cloned.url, 'insert into account (account_id) values ($1)', [account]);
    await administer(
      cloned.url,
      `insert into principal (principal_id, account_id, arn, kind) values ($1, $1, $2, 'root')`,
      [account, rootOf(account).arn],
    );
  }
  return {
    url: cloned.url,
    database,
    drop: async () => {
      await database.close();
      await cloned.drop();
    },
  };
}

export function newKey(different: Partial<NewKey> = {}): NewKey {
  const account = different.accountId ?? accountId;
  return {
    keyId: randomUUID(),
    accountId: account,
    description: '',
    keySpec: 'SYMMETRIC_DEFAULT',
    keyUsage: 'ENCRYPT_DECRYPT',
    policy: defaultKeyPolicy(place, account),
    materialId: randomBytes(32).toString('hex'),
    tokenSerial: 'abc',
    tags: [],
    ...different,
  };
}

/** In a transaction, as key and material refer to each other. */
export function insertKey(database: Database, key: NewKey): ReturnType<KeyStore['insert']> {
  return inTransaction(database, (db) => new KeyStore(place).insert(db, key));
}
