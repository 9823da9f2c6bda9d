import { randomUUID } from 'node:crypto';
import type { Database } from '../../src/db';
import { KeyStore, materialsOf } from '../../src/keys/store';
import { putTags } from '../../src/keys/tags';
import {
  type AccountsDatabase,
  type SampleKey,
  insertKey,
  newKey,
  openAccounts,
} from '../support/accounts';
import { administer } from '../support/postgres';
import { accountId, otherAccountId, place, rootOf } from '../support/sample-keys';
import { until } from '../support/until';

const store = new KeyStore(place);
let accounts: AccountsDatabase;
let database: Database;

beforeAll(async () => {
  accounts = await openAccounts();
  ({ database } = accounts);
});
afterAll(() => accounts.drop());

const insert = (key: SampleKey): Promise<unknown> => insertKey(database, key);

describe('keys', () => {
  test('a key that was inserted is found with its material, its policy and its tags in order', async () => {
    const tags = [
      { TagKey: 'b', TagValue: '1' },
      { TagKey: 'a', TagValue: '' },
    ];
    const key = newKey({ description: "Robert'); drop table kms_key;--\u{1f511}", tags });
    const inserted = await insert(key);
    const found = await store.find(database, key.keyId);
    expect(found).toMatchObject({
      keyId: key.keyId,
      accountId,
      arn: `arn:aws:kms:us-east-1:${accountId}:key/${key.keyId}`,
      description: key.description,
      state: 'Enabled',
      origin: 'AWS_KMS',
      multiRegion: false,
      deletionDate: undefined,
      currentMaterial: { id: key.materialId, wrapped: undefined, state: 'CURRENT' },
      rotation: undefined,
    });
    expect(found?.policy.principals).toEqual([rootOf(accountId).arn]);
    expect(found).toMatchObject({ keyManager: 'CUSTOMER', tags, aliases: [] });
    expect({ ...found, policy: found?.policy.text }).toEqual({
      ...(inserted as object),
      policy: key.policy,
    });
    expect(await materialsOf(database, key.keyId)).toEqual([key.materialId]);
    const rows = await administer(
      accounts.url,
      'select tag_key, tag_value from key_tag where key_id = $1 order by position',
      [key.keyId],
    );
    expect(rows).toEqual([
      { tag_key: 'b', tag_value: '1' },
      { tag_key: 'a', tag_value: '' },
    ]);
  });

  test('a key that nobody made is not found', async () => {
    expect(await store.find(database, randomUUID())).toBeUndefined();
    expect(await materialsOf(database, randomUUID())).toEqual([]);
  });

  test('what is rolled back leaves nothing', async () => {
    const key = newKey();
    const transaction = await database.begin();
    await store.insert(transaction, key);
    await transaction.rollback();
    expect(await store.find(database, key.keyId)).toBeUndefined();
    expect(await materialsOf(database, key.keyId)).toEqual([]);
  });

  test('state and description change for that key alone', async () => {
    const [one, other] = [newKey(), newKey()];
    await insert(one);
    await insert(other);
    await store.setState(database, one.keyId, 'Disabled');
    await store.setDescription(database, one.keyId, 'changed');
    expect(await store.find(database, one.keyId)).toMatchObject({
      state: 'Disabled',
      description: 'changed',
    });
    expect(await store.find(database, other.keyId)).toMatchObject({
      state: 'Enabled',
      description: '',
    });
  });

  test('a locked key waits for the transaction that holds it', async () => {
    const key = newKey();
    await insert(key);
    const [first, second] = [await database.begin(), await database.begin()];
    await store.lock(first, key.keyId);
    await store.setState(first, key.keyId, 'Disabled');
    const waiting = store.lock(second, key.keyId);
    await first.commit();
    expect(await waiting).toMatchObject({ state: 'Disabled' });
    await second.rollback();
  });

  test('a key that was waited for has the tags that the transaction before it left', async () => {
    const key = newKey({ tags: [{ TagKey: 'a', TagValue: 'old' }] });
    await insert(key);
    const [first, second] = [await database.begin(), await database.begin()];
    await store.lock(first, key.keyId);
    await putTags(first, key.keyId, [{ TagKey: 'a', TagValue: 'new' }]);
    const waiting = store.lock(second, key.keyId);
    await until('the second waits for the first', async () => {
      const waits = await administer(
        accounts.url,
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return waits.length === 1;
    });
    await first.commit();
    expect(await waiting).toMatchObject({ tags: [{ TagKey: 'a', TagValue: 'new' }] });
    await second.rollback();
  });

  test('are listed by account in order of id, in pages', async () => {
    const account = otherAccountId;
    const ids = Array.from({ length: 5 }, () => randomUUID()).sort();
    for (const keyId of [...ids].reverse()) await insert(newKey({ keyId, accountId: account }));
    const page = (after: string, limit: number): Promise<string[]> =>
      store.list(database, { accountId: account, after, limit });
    expect(await page('', 100)).toEqual(ids);
    expect(await page('', 2)).toEqual(ids.slice(0, 2));
    expect(await page(ids[1]!, 2)).toEqual(ids.slice(2, 4));
    expect(await page(ids[4]!, 2)).toEqual([]);
    // Text, not SQL: it sorts before every id.
    expect(await page("' or true --", 2)).toEqual(ids.slice(0, 2));
  });
});
