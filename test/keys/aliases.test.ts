import type { Database } from '../../src/db';
import { AliasStore } from '../../src/keys/aliases';
import {
  type AccountsDatabase,
  type SampleKey,
  insertKey,
  newKey,
  openAccounts,
} from '../support/accounts';
import { accountId, otherAccountId } from '../support/sample-keys';

const aliases = new AliasStore();
let accounts: AccountsDatabase;
let database: Database;

beforeAll(async () => {
  accounts = await openAccounts();
  ({ database } = accounts);
});
afterAll(() => accounts.drop());

const insert = (key: SampleKey): Promise<unknown> => insertKey(database, key);

describe('aliases', () => {
  test('belong to an account, go to one key, and are counted by key', async () => {
    const [one, other] = [newKey(), newKey()];
    await insert(one);
    await insert(other);
    const alias = { accountId, aliasName: 'alias/a', keyId: one.keyId };
    expect(await aliases.insert(database, alias)).toBe(true);
    expect(await aliases.insert(database, { ...alias, keyId: other.keyId })).toBe(false);
    expect(await aliases.find(database, accountId, 'alias/a')).toMatchObject(alias);
    expect(await aliases.find(database, otherAccountId, 'alias/a')).toBeUndefined();
    expect(await aliases.find(database, accountId, 'alias/A')).toBeUndefined();
    expect(await aliases.retarget(database, { ...alias, keyId: other.keyId })).toBe(true);
    expect(await aliases.find(database, accountId, 'alias/a')).toMatchObject({
      keyId: other.keyId,
    });
    expect([
      await aliases.count(database, one.keyId),
      await aliases.count(database, other.keyId),
    ]).toEqual([0, 1]);
    expect(await aliases.remove(database, otherAccountId, 'alias/a')).toBe(false);
    expect(await aliases.remove(database, accountId, 'alias/a')).toBe(true);
    expect(await aliases.remove(database, accountId, 'alias/a')).toBe(false);
    expect(await aliases.retarget(database, alias)).toBe(false);
  });

  test('cannot point from one account into another', async () => {
    const key = newKey();
    await insert(key);
    const alias = { accountId: otherAccountId, aliasName: 'alias/stolen', keyId: key.keyId };
    await expect(aliases.insert(database, alias)).rejects.toMatchObject({
      code: 'failed',
      sqlState: '23503',
    });
  });

  test('are listed in byte order, of one key or all, in pages', async () => {
    const [one, other] = [newKey(), newKey()];
    await insert(one);
    await insert(other);
    const names = ['alias/B', 'alias/a', 'alias/b', 'alias/b/c'];
    for (const [index, aliasName] of names.entries()) {
      const keyId = index === 1 ? other.keyId : one.keyId;
      await aliases.insert(database, { accountId, aliasName, keyId });
    }
    const list = async (after: string, keyId?: string): Promise<string[]> =>
      (await aliases.list(database, { accountId, keyId, after, limit: 3 })).map(
        ({ aliasName }) => aliasName,
      );
    expect(await list('')).toEqual(['alias/B', 'alias/a', 'alias/b']);
    expect(await list('alias/b')).toEqual(['alias/b/c']);
    expect(await list('', other.keyId)).toEqual(['alias/a']);
  });
});
