import { randomUUID } from 'node:crypto';
import type { Database, Queryable } from '../../src/db';
import { type KeyUse, KeyUses } from '../../src/keys/key-uses';
import { KeyStore } from '../../src/keys/store';
import { type AccountsDatabase, insertKey, newKey, openAccounts } from '../support/accounts';
import { administer } from '../support/postgres';
import { place } from '../support/sample-keys';

let accounts: AccountsDatabase;
let database: Database;
const failures: unknown[] = [];

beforeAll(async () => {
  accounts = await openAccounts();
  ({ database } = accounts);
});
afterAll(() => accounts.drop());
beforeEach(() => void failures.splice(0));

const open = (db: Queryable = database): KeyUses =>
  new KeyUses({ db, intervalMs: 3_600_000, onFailed: (error) => void failures.push(error) });

async function makeKey(): Promise<string> {
  const key = newKey();
  await insertKey(database, key);
  return key.keyId;
}

const use = (second: number, operation: KeyUse['operation'] = 'Encrypt'): KeyUse => ({
  operation,
  at: new Date(Date.UTC(2026, 10, 25, 12, 0, second, 123)),
  requestId: randomUUID(),
  eventId: randomUUID(),
});

/** By the database alone. */
const written = async (keyId: string) => (await open().of(keyId))?.lastUse;

test('A key that was made is tracked from its creation, and was not used', async () => {
  const keyId = await makeKey();
  const createdAt = (await new KeyStore(place).find(database, keyId))?.createdAt;
  expect(await open().of(keyId)).toEqual({ trackedFrom: createdAt, lastUse: undefined });
  expect(await open().of(randomUUID())).toBeUndefined();
});

test('The worker that noted a use tells of it at once, the others when it is written', async () => {
  const [keyId, other] = [await makeKey(), await makeKey()];
  const uses = open();
  const [first, last] = [use(1), use(2, 'GenerateDataKey')];
  uses.note(keyId, first);
  uses.note(keyId, last);
  expect((await uses.of(keyId))?.lastUse).toEqual(last);
  expect(await written(keyId)).toBeUndefined();
  await uses.flush();
  expect(await written(keyId)).toEqual(last);
  expect(await written(other)).toBeUndefined();
  await uses.close();
});

test('A use that is older than the one written is neither written nor told', async () => {
  const keyId = await makeKey();
  const [early, late] = [open(), open()];
  const [first, last] = [use(1), use(2)];
  late.note(keyId, last);
  await late.close();
  early.note(keyId, first);
  expect((await early.of(keyId))?.lastUse).toEqual(last);
  await early.close();
  expect(await written(keyId)).toEqual(last);
});

test('The uses of thousands of keys are written, those of keys that are gone are passed over', async () => {
  const keyId = await makeKey();
  const uses = open();
  for (let i = 0; i < 2500; i += 1) uses.note(randomUUID(), use(1));
  uses.note(keyId, use(3));
  await uses.close();
  expect((await written(keyId))?.at).toEqual(use(3).at);
  expect(failures).toEqual([]);
});

test('A key that a change holds is not waited for, and is written later', async () => {
  const [held, free] = [await makeKey(), await makeKey()];
  const uses = open();
  const holding = await database.begin();
  await new KeyStore(place).lock(holding, held);
  const [one, other] = [use(1), use(2)];
  uses.note(held, one);
  uses.note(free, other);
  await uses.flush();
  expect(await written(free)).toEqual(other);
  expect(await written(held)).toBeUndefined();
  await holding.rollback();
  await uses.close();
  expect(await written(held)).toEqual(one);
  expect(failures).toEqual([]);
});

test('Workers that write the same keys at once do not wait for each other in a circle', async () => {
  const keyIds = await Promise.all(Array.from({ length: 20 }, makeKey));
  const workers = [open(), open(), open()];
  for (const [i, uses] of workers.entries()) {
    const order = i % 2 === 0 ? keyIds : [...keyIds].reverse();
    for (const keyId of order) uses.note(keyId, use(i));
  }
  await Promise.all(workers.map((uses) => uses.close()));
  expect(failures).toEqual([]);
  for (const keyId of keyIds) expect((await written(keyId))?.at).toEqual(use(2).at);
});

test('A batch that fails is told of, kept, and written with the next', async () => {
  const keyId = await makeKey();
  let failing = true;
  const uses = open({
    query: (statement) =>
      failing ? Promise.reject(new Error('no database')) : database.query(statement),
    execute: () => Promise.reject(new Error('not used')),
  });
  const last = use(1);
  uses.note(keyId, last);
  await uses.flush();
  expect(failures).toEqual([new Error('no database')]);
  failing = false;
  await uses.close();
  expect(await written(keyId)).toEqual(last);
});

test('What is known of a key goes with it', async () => {
  const keyId = await makeKey();
  const uses = open();
  uses.note(keyId, use(1));
  await uses.close();
  await administer(accounts.url, 'delete from kms_key where key_id = $1', [keyId]);
  const rows = await administer(accounts.url, 'select from key_usage where key_id = $1', [keyId]);
  expect(rows).toEqual([]);
});
