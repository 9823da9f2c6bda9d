import type { Database, Queryable } from '../../src/db';
import {
  EncryptionCounts,
  type EncryptionCountsOptions,
  type Wear,
} from '../../src/keys/encryption-counts';
import { KeyStore } from '../../src/keys/store';
import { type AccountsDatabase, insertKey, newKey, openAccounts } from '../support/accounts';
import { administer } from '../support/postgres';
import { place } from '../support/sample-keys';
import { until } from '../support/until';

let accounts: AccountsDatabase;
let database: Database;
let worn: Wear[];
let granted: number;

beforeAll(async () => {
  accounts = await openAccounts();
  ({ database } = accounts);
});
afterAll(() => accounts.drop());
beforeEach(() => {
  worn = [];
  granted = 0;
});

const real = 2 ** 32;

/** What one worker counts. */
function worker({
  db = database,
  limit = real,
  capacity = 1000,
}: Partial<Pick<EncryptionCountsOptions, 'db' | 'limit' | 'capacity'>> = {}): EncryptionCounts {
  return new EncryptionCounts({
    ...{ db, limit, capacity },
    onReserved: (count) => void (granted += count),
    onWorn: (wear) => void worn.push(wear),
  });
}

async function makeMaterial(): Promise<string> {
  const key = newKey();
  await insertKey(database, key);
  return key.materialId;
}

async function reserved(materialId: string): Promise<number | undefined> {
  const [row] = await administer<{ reserved: number }>(
    accounts.url,
    'select reserved::float8 from encryption_count where material_id = $1',
    [materialId],
  );
  return row?.reserved;
}

async function wornAt(materialId: string): Promise<Date | null | undefined> {
  const [row] = await administer<{ worn_at: Date | null }>(
    accounts.url,
    'select worn_at from encryption_count where material_id = $1',
    [materialId],
  );
  return row?.worn_at;
}

/** A database that is asked through a hand that can hold it back, and that counts the statements. */
function watched(): {
  db: Queryable;
  asked: () => number;
  fail: (error: Error | undefined) => void;
} {
  let asked = 0;
  let failure: Error | undefined;
  return {
    db: {
      query: (statement) => {
        asked += 1;
        return failure === undefined ? database.query(statement) : Promise.reject(failure);
      },
      execute: () => Promise.reject(new Error('not used')),
    },
    asked: () => asked,
    fail: (error) => void (failure = error),
  };
}

/** How many encryptions a worker may make under the material until it is told that there are none. */
async function useUp(counts: EncryptionCounts, materialId: string): Promise<number> {
  const allowance = counts.of(materialId);
  let made = 0;
  while (allowance.take() || (await allowance.taken())) made += 1;
  return made;
}

test('The first encryption under a material waits for a reservation, those after it for nothing', async () => {
  const materialId = await makeMaterial();
  const { db, asked } = watched();
  const allowance = worker({ db }).of(materialId);
  expect(allowance.take()).toBe(false);
  expect(await reserved(materialId)).toBeUndefined();
  expect(await allowance.taken()).toBe(true);
  expect(await reserved(materialId)).toBe(1024);
  for (let i = 0; i < 510; i += 1) expect(allowance.take()).toBe(true);
  expect(asked()).toBe(1);
});

test('A busy worker asks for twice as much when half is gone, up to a largest size, and never waits', async () => {
  expect(worker().sizes).toEqual({ first: 1024, largest: 2 ** 20 });
  const limit = 2 ** 24;
  const materialId = await makeMaterial();
  const { db, asked } = watched();
  const allowance = worker({ db, limit }).of(materialId);
  await allowance.taken();
  for (const [already, size] of [2048, 4096, 4096, 4096].entries()) {
    const before = granted;
    while (asked() === already + 1) {
      expect(allowance.take()).toBe(true);
      // A reservation goes when the event loop turns.
      await new Promise(setImmediate);
    }
    await until('it was reserved', () => granted === before + size);
  }
  expect(await reserved(materialId)).toBe(granted);
});

test('Many materials that are used at once are reserved in few statements', async () => {
  const materialIds = await Promise.all(Array.from({ length: 50 }, makeMaterial));
  const { db, asked } = watched();
  const counts = worker({ db });
  const takes = materialIds.map((materialId) => counts.of(materialId).taken());
  expect(new Set(await Promise.all(takes))).toEqual(new Set([true]));
  expect(asked()).toBe(1);
  expect(granted).toBe(50 * 1024);
});

test('Those who wait for one material share a reservation', async () => {
  const materialId = await makeMaterial();
  const { db, asked } = watched();
  const counts = worker({ db });
  const takes = Array.from({ length: 100 }, () => counts.of(materialId).taken());
  expect(new Set(await Promise.all(takes))).toEqual(new Set([true]));
  expect(asked()).toBe(1);
});

test.each([100, 1000])(
  'Of %i encryptions several workers together make as many, and no more',
  async (limit) => {
    const materialId = await makeMaterial();
    const counts = [worker({ limit }), worker({ limit }), worker({ limit })];
    const hands = counts.flatMap((one) => [one, one, one, one]);
    const made = await Promise.all(hands.map((one) => useUp(one, materialId)));
    expect(made.reduce((sum, one) => sum + one)).toBe(limit);
    expect(granted).toBe(limit);
    expect(await reserved(materialId)).toBe(limit);
    expect(await useUp(worker({ limit }), materialId)).toBe(0);
  },
);

test('Workers that count the same materials at once lose nothing and are in no deadlock', async () => {
  const materialIds = await Promise.all(Array.from({ length: 40 }, makeMaterial));
  const counts = Array.from({ length: 4 }, () => worker());
  for (let round = 1; round <= 5; round += 1) {
    granted = 0;
    await Promise.all(
      counts.flatMap((one, i) => {
        const order = i % 2 === 0 ? materialIds : [...materialIds].reverse();
        return order.map((materialId) => one.reserve(materialId, 10));
      }),
    );
    expect(granted).toBe(40 * 4 * 10);
    for (const materialId of materialIds) expect(await reserved(materialId)).toBe(round * 40);
  }
});

test('A worker that is gone takes along what it reserved: it is counted as made', async () => {
  const limit = 100_000;
  const materialId = await makeMaterial();
  let made = 0;
  for (let life = 0; life < 20; life += 1) {
    const allowance = worker({ limit }).of(materialId);
    for (let i = 0; i < 3; i += 1) made += Number(await allowance.taken());
    expect(await reserved(materialId)).toBeGreaterThanOrEqual(made);
  }
  expect(made).toBe(60);
  expect(made + (await useUp(worker({ limit }), materialId))).toBeLessThanOrEqual(limit);
});

test('While the database is away, what was reserved is used, and nothing beyond it', async () => {
  const materialId = await makeMaterial();
  const { db, fail } = watched();
  const counts = worker({ db });
  const allowance = counts.of(materialId);
  await allowance.taken();
  fail(new Error('no database'));
  for (let i = 1; i < 1024; i += 1) expect(allowance.take()).toBe(true);
  expect(allowance.take()).toBe(false);
  await expect(allowance.taken()).rejects.toThrow('no database');
  await expect(counts.of(await makeMaterial()).taken()).rejects.toThrow('no database');
  fail(undefined);
  expect(await allowance.taken()).toBe(true);
});

test('A material that is gone is refused, and those asked for along with it are served', async () => {
  const [gone, there] = [await makeMaterial(), await makeMaterial()];
  await administer(accounts.url, 'delete from kms_key where current_material_id = $1', [gone]);
  const counts = worker();
  const takes = [counts.of(gone).taken(), counts.of(there).taken()];
  const [refused, served] = await Promise.allSettled(takes);
  expect(refused).toMatchObject({ reason: new Error(`The key material ${gone} is gone`) });
  expect(served).toMatchObject({ value: true });
});

test('A key that a change holds is not waited for', async () => {
  const key = newKey();
  await insertKey(database, key);
  const holding = await database.begin();
  await new KeyStore(place).lock(holding, key.keyId);
  expect(await worker().of(key.materialId).taken()).toBe(true);
  await holding.rollback();
});

test('From half of the limit on each reservation tells of it, and the database knows since when', async () => {
  const limit = 1000;
  const materialId = await makeMaterial();
  const counts = worker({ limit });
  expect(await counts.reserve(materialId, 62)).toBe(62);
  while ((await reserved(materialId)) !== 499) {
    await counts.reserve(materialId, Math.min(20, 499 - ((await reserved(materialId)) ?? 0)));
  }
  expect(worn).toEqual([]);
  expect(await wornAt(materialId)).toBeNull();
  await counts.reserve(materialId, 1);
  const since = await wornAt(materialId);
  expect(since).toBeInstanceOf(Date);
  await counts.reserve(materialId, 1);
  expect(worn).toEqual([
    { materialId, reserved: 500, first: true },
    { materialId, reserved: 501, first: false },
  ]);
  expect(await wornAt(materialId)).toEqual(since);
});

test('A limit that is lowered below what was made refuses, one that is raised lets go on', async () => {
  const materialId = await makeMaterial();
  expect(await worker({ limit: 10_000 }).reserve(materialId, 300)).toBe(300);
  expect(await worker({ limit: 200 }).of(materialId).taken()).toBe(false);
  expect(await reserved(materialId)).toBe(300);
  expect(await wornAt(materialId)).toBeInstanceOf(Date);
  expect(await worker({ limit: 10_000 }).of(materialId).taken()).toBe(true);
  expect(await wornAt(materialId)).toBeNull();
});

test('A worker keeps as many allowances as it may; what is left of those used longest ago is lost', async () => {
  const [first, second, third] = [await makeMaterial(), await makeMaterial(), await makeMaterial()];
  const counts = worker({ capacity: 2 });
  for (const materialId of [first, second]) await counts.of(materialId).taken();
  const kept = counts.of(first);
  await counts.of(third).taken();
  expect(counts.of(first)).toBe(kept);
  expect(await reserved(second)).toBe(1024);
  await counts.of(second).taken();
  expect(await reserved(second)).toBe(2048);
});

test('The count of a material goes with its key', async () => {
  const materialId = await makeMaterial();
  await worker().of(materialId).taken();
  await administer(accounts.url, 'delete from kms_key where current_material_id = $1', [
    materialId,
  ]);
  expect(await reserved(materialId)).toBeUndefined();
});
