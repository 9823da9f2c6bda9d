import { randomBytes, randomUUID } from 'node:crypto';
import { type Database, inTransaction, openDatabase } from '../../src/db';
import type { Key } from '../../src/keys/key';
import { insertMaterial, setCurrentMaterial } from '../../src/keys/material';
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

export interface SampleKey extends NewKey {
  readonly materialId: string;
}

export function newKey(different: Partial<SampleKey> = {}): SampleKey {
  const account = different.accountId ?? accountId;
  return {
    keyId: randomUUID(),
    accountId: account,
    description: '',
    keySpec: 'SYMMETRIC_DEFAULT',
    keyUsage: 'ENCRYPT_DECRYPT',
    policy: defaultKeyPolicy(place, account),
    materialId: randomBytes(32).toString('hex'),
    tags: [],
    ...different,
  };
}

/** With a material that no token has. */
export function insertKey(database: Database, key: SampleKey): Promise<Key> {
  return inTransaction(database, async (db) => {
    const { keyId, materialId } = key;
    const keys = new KeyStore(place);
    await keys.insert(db, key);
    const tokenSerial = 'abc';
    await insertMaterial(db, keyId, { materialId, state: 'CURRENT', place: { tokenSerial } });
    await setCurrentMaterial(db, keyId, materialId);
    const made = await keys.find(db, keyId);
    if (made === undefined) throw new Error('a key that was just inserted is not there');
    return made;
  });
}
