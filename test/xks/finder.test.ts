import { reseal } from '../../src/auth/resealing';
import { Sealing } from '../../src/auth/sealing';
import { Secret } from '../../src/auth/secret';
import { inTransaction, type Queryable, type Transaction } from '../../src/db';
import { type ChangeFeed, openChangeFeed } from '../../src/db/changes';
import { openCaches } from '../../src/caches';
import { insertCredential, removeCredential, setCredentialStatus } from '../../src/xks/credentials';
import { ExternalKeys, XksStores } from '../../src/xks/finder';
import { putExternalKey, updateExternalKey } from '../../src/xks/keys';
import { insertStore, lockStore, removeStore, updateStore } from '../../src/xks/stores';
import { type Vault, openVault } from '../support/access-keys';
import { administer } from '../support/postgres';
import { accountId } from '../support/sample-keys';

let vault: Vault;
let feed: ChangeFeed;
let stores: XksStores;
let keys: ExternalKeys;
let queries: string[];
let sealingKeyId: string;
let sealing: Sealing;

const [keyId, otherKeyId] = [1, 2].map((n) => `00000000-0000-4000-8000-00000000000${n}`) as [
  string,
  string,
];

beforeAll(async () => {
  vault = await openVault();
  await vault.issue(accountId, false);
  const { url, database, token } = vault;
  feed = openChangeFeed({ url, database, waitMs: 15_000, connectTimeoutMs: 15_000 });
  const caches = openCaches(feed, { cachedKeys: 100 });
  await feed.listening();
  sealing = new Sealing(token, 'xks-credential-sealing', database);
  sealingKeyId = (await sealing.currentKey(database)) ?? '';
  const db: Queryable = {
    query: (statement) => {
      queries.push(statement.name ?? '');
      return database.query(statement);
    },
    execute: (statement) => database.execute(statement),
  };
  stores = new XksStores({ db, sealing, cache: caches.xks });
  keys = new ExternalKeys({ db, cache: caches.xks.keys });
  for (const id of [keyId, otherKeyId]) {
    await administer(
      url,
      `insert into kms_key (key_id, account_id, key_spec, key_usage, origin, state, policy)
       values ($1, $2, 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', 'AWS_KMS', 'Enabled', '{}')`,
      [id, accountId],
    );
  }
});
beforeEach(() => (queries = []));
afterAll(async () => {
  await feed.close();
  await vault.remove();
});

/** As the command line does it: the worker has been told when this ends. */
async function change<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
  const [result, announcements] = await inTransaction(vault.database, async (transaction) => [
    await work(transaction),
    transaction.announcements,
  ]);
  await feed.acknowledged(announcements);
  return result;
}

const makeStore = (prefix: string) =>
  change((transaction) =>
    insertStore(transaction, {
      ...{ prefix, accountId, region: 'us-east-1', rate: undefined, rules: undefined },
    }),
  );

const makeCredential = (prefix: string, accessKeyId: string, secret = 'x'.repeat(43)) =>
  change((transaction) =>
    insertCredential(transaction, sealing, {
      ...{ prefix, accessKeyId, sealingKeyId },
      secret: new Secret(secret),
    }),
  );

describe('a store', () => {
  test('is found with the open secrets of its credentials, and at once the second time', async () => {
    await makeStore('/found');
    await makeCredential('/found', 'A'.repeat(20), 'first'.repeat(9));
    await makeCredential('/found', 'B'.repeat(30), 'second'.repeat(8));
    const found = await stores.find('/found');
    expect(found).toMatchObject({
      ...{ prefix: '/found', accountId, region: 'us-east-1', status: 'ENABLED' },
      ...{ rate: undefined, rules: undefined },
    });
    const secrets = [...(found?.credentials ?? [])].map(([id, secret]) => [
      id,
      secret.revealText(),
    ]);
    expect(Object.fromEntries(secrets)).toEqual({
      ['A'.repeat(20)]: 'first'.repeat(9),
      ['B'.repeat(30)]: 'second'.repeat(8),
    });
    expect(stores.find('/found')).toBe(found);
  });

  test('of the empty prefix is one too', async () => {
    expect(await stores.find('')).toBeUndefined();
    await makeStore('');
    expect(await stores.find('')).toMatchObject({ prefix: '' });
    await change(async (transaction) => {
      const store = await lockStore(transaction, '');
      await updateStore(transaction, { ...store!, status: 'DISABLED', rate: 7 });
    });
    expect(await stores.find('')).toMatchObject({ status: 'DISABLED', rate: 7 });
  });

  test('that there is not costs the database nothing but the first question', async () => {
    await makeStore('/first');
    expect(await stores.find('/first')).toBeDefined();
    queries = [];
    for (let n = 0; n < 100; n += 1) expect(stores.find(`/nobody-${n}`)).toBeUndefined();
    expect(queries).toEqual([]);
  });

  test('is known as soon as it is made, and unknown as soon as it is gone', async () => {
    expect(await stores.find('/late')).toBeUndefined();
    await makeStore('/late');
    expect(await stores.find('/late')).toBeDefined();
    await change((transaction) => removeStore(transaction, '/late'));
    expect(await stores.find('/late')).toBeUndefined();
  });

  test('has those credentials only that are enabled now', async () => {
    await makeStore('/turning');
    const accessKeyId = 'C'.repeat(20);
    const held = async () => [...((await stores.find('/turning'))?.credentials.keys() ?? [])];
    expect(await held()).toEqual([]);
    await makeCredential('/turning', accessKeyId);
    expect(await held()).toEqual([accessKeyId]);
    const credential = { prefix: '/turning', accessKeyId };
    for (const [status, expected] of [
      ['DISABLED', []],
      ['ENABLED', [accessKeyId]],
    ] as const) {
      await change((transaction) => setCredentialStatus(transaction, { ...credential, status }));
      expect(await held()).toEqual(expected);
    }
    await change((transaction) => removeCredential(transaction, credential));
    expect(await held()).toEqual([]);
  });

  test('has the same secrets under another sealing key', async () => {
    await makeStore('/resealed');
    await makeCredential('/resealed', 'E'.repeat(20), 'lasting'.repeat(7));
    const sealedBy = async (): Promise<unknown[]> =>
      administer(
        vault.url,
        `select distinct sealing_key_id as id from xks_credential where prefix = '/resealed'`,
      );
    expect(await sealedBy()).toEqual([{ id: sealingKeyId }]);
    const next = await change(async (transaction) => {
      const id = await sealing.createKey(vault.database, transaction);
      await reseal(transaction, vault.token, 'xks-credential-sealing');
      return id;
    });
    expect(await sealedBy()).toEqual([{ id: next }]);
    const found = await stores.find('/resealed');
    expect(found?.credentials.get('E'.repeat(20))?.revealText()).toBe('lasting'.repeat(7));
  });

  test('does not open a secret that was moved to it from another store', async () => {
    await Promise.all([makeStore('/robbed'), makeStore('/robber')]);
    await makeCredential('/robbed', 'D'.repeat(20));
    await administer(
      vault.url,
      `update xks_credential set prefix = '/robber' where prefix = '/robbed'`,
    );
    await expect(stores.find('/robber')).rejects.toMatchObject({ code: 'ciphertext-invalid' });
  });
});

describe('an external key', () => {
  const put = (prefix: string, externalKeyId: string, backing = keyId) =>
    change((transaction) =>
      putExternalKey(transaction, {
        ...{ prefix, externalKeyId, keyId: backing, rules: undefined, status: 'ENABLED' },
        usages: ['ENCRYPT', 'DECRYPT'],
      }),
    );
  const setStatus = (prefix: string, externalKeyId: string, status: 'DISABLED' | 'DELETED') =>
    change((transaction) =>
      updateExternalKey(transaction, {
        ...{ prefix, externalKeyId, status, rules: undefined, usages: ['DECRYPT'] },
      }),
    );

  beforeAll(() => Promise.all([makeStore('/one'), makeStore('/other')]));

  test('is found in its store alone, at once the second time, and is what it is now', async () => {
    expect(await keys.find('/one', 'a')).toBeUndefined();
    await put('/one', 'a');
    const found = await keys.find('/one', 'a');
    expect(found).toEqual({
      ...{ prefix: '/one', externalKeyId: 'a', keyId, status: 'ENABLED', rules: undefined },
      usages: ['ENCRYPT', 'DECRYPT'],
    });
    expect(keys.find('/one', 'a')).toBe(found);
    expect(await keys.find('/other', 'a')).toBeUndefined();
    await setStatus('/one', 'a', 'DISABLED');
    expect(await keys.find('/one', 'a')).toMatchObject({ status: 'DISABLED', usages: ['DECRYPT'] });
    await setStatus('/one', 'a', 'DELETED');
    expect(await keys.find('/one', 'a')).toBeUndefined();
  });

  test('that there is not is asked for once', async () => {
    for (let n = 0; n < 3; n += 1) expect(await keys.find('/one', 'nobody')).toBeUndefined();
    expect(keys.find('/one', 'nobody')).toBeUndefined();
    expect(queries).toEqual(['xks-key-find']);
  });

  test('that was deleted stands for its KMS key again, and for no other', async () => {
    await put('/one', 'again', otherKeyId);
    await setStatus('/one', 'again', 'DELETED');
    await expect(put('/one', 'again', keyId)).rejects.toThrow(
      'an external key id stands for another key',
    );
    await put('/one', 'again', otherKeyId);
    expect(await keys.find('/one', 'again')).toMatchObject({ keyId: otherKeyId });
  });
});
