import { inTransaction } from '../../src/db';
import { deleteKey } from '../../src/jobs/delete-key';
import type { Job } from '../../src/jobs/job';
import type { JobEvent } from '../../src/jobs/timer';
import { beginDeletion, cancelDeletion, scheduleDeletion } from '../../src/keys/deletion';
import { type KeyStore } from '../../src/keys/store';
import type { Vault } from '../support/access-keys';
import { type KeyJobs, openKeyJobs } from '../support/key-jobs';
import { administer, lockWaiters } from '../support/postgres';
import { accountId } from '../support/sample-keys';
import { until } from '../support/until';

const day = 24 * 3600;

let stage: KeyJobs;
let vault: Vault;
let keys: KeyStore;
let job: Job;
beforeAll(async () => {
  stage = await openKeyJobs();
  ({ vault, keys } = stage);
  job = deleteKey({ ...vault, ...stage.parts });
});
afterAll(() => stage.close());
afterEach(() => stage.clear());

interface Made {
  readonly keyId: string;
  readonly materialId: string;
}

/** A key that is to be deleted in seven days. */
async function doomed(): Promise<Made> {
  const { keyId, currentMaterial } = await stage.make((transaction, made) =>
    scheduleDeletion(transaction, made, 7),
  );
  return { keyId, materialId: currentMaterial?.id ?? '' };
}

async function look(clockOffsetSeconds: number): Promise<JobEvent[]> {
  const told = await stage.look(job, clockOffsetSeconds);
  return told.filter(({ kind }) => kind !== 'overdue');
}

const isInToken = async ({ materialId }: Made): Promise<boolean> =>
  (await vault.token.listKeys('claviger:key:')).includes(materialId);
const stateOf = async ({ keyId }: Made): Promise<string | undefined> =>
  (await keys.find(vault.database, keyId))?.state;
const rows = async ({ keyId }: Made): Promise<number> =>
  (await administer(vault.url, 'select from kms_key where key_id = $1', [keyId])).length;
const records = async ({ keyId }: Made): Promise<number> =>
  (
    await administer(vault.url, `select from audit_record where record like $1`, [
      `%DeleteKey%${keyId}%`,
    ])
  ).length;

const someoneWaits = (): Promise<void> =>
  until('somebody waits for a lock', async () => (await lockWaiters(vault.url)) > 0);

test('a key is deleted at its date, and not a moment earlier', async () => {
  const key = await doomed();
  expect(await look(7 * day - 30)).toEqual([]);
  expect(await stateOf(key)).toBe('PendingDeletion');
  expect(await isInToken(key)).toBe(true);
  expect(await look(7 * day + 1)).toEqual([
    { kind: 'done', job: 'delete-key', subject: key.keyId },
  ]);
  expect([await rows(key), await isInToken(key), await records(key)]).toEqual([0, false, 1]);
});

test('one whose date has come by the clock of the database alone stays, and the attempt says why', async () => {
  const key = await doomed();
  const { database } = vault;
  // As after a failover to a standby whose clock is two days ahead.
  const now = (): number => Date.now() - 2 * day * 1000;
  const behind = deleteKey({ ...vault, ...stage.parts, now });
  const task = { subject: key.keyId, clockOffsetSeconds: 8 * day };
  await expect(behind.run(task)).rejects.toThrow(
    'The date of the deletion has come by the clock of the database and not by that of this worker: one of them is wrong',
  );
  expect([await stateOf(key), await isInToken(key)]).toEqual(['PendingDeletion', true]);
  await cancelDeletion(database, key.keyId);
  expect(await stateOf(key)).toBe('Disabled');
});

test('run on a key that is not due it does nothing, so that no claim can be wrong', async () => {
  const key = await doomed();
  expect(await job.run({ subject: key.keyId, clockOffsetSeconds: 7 * day - 30 })).toBe(false);
  expect(await stateOf(key)).toBe('PendingDeletion');
  expect(await isInToken(key)).toBe(true);
});

test('one that was cancelled after it was claimed stays, with its material', async () => {
  const key = await doomed();
  await cancelDeletion(vault.database, key.keyId);
  expect(await job.run({ subject: key.keyId, clockOffsetSeconds: 8 * day })).toBe(false);
  expect(await stateOf(key)).toBe('Disabled');
  expect(await isInToken(key)).toBe(true);
});

test.each([
  ['one that is being cancelled is waited for, and stays when it was', 'commit', false],
  ['one that was not cancelled after all is deleted', 'rollback', true],
] as const)('%s', async (_title, end, deleted) => {
  const key = await doomed();
  const cancelling = await vault.database.begin();
  await keys.lock(cancelling, key.keyId);
  await cancelDeletion(cancelling, key.keyId);
  const running = job.run({ subject: key.keyId, clockOffsetSeconds: 8 * day });
  await someoneWaits();
  await cancelling[end]();
  expect(await running).toBe(deleted);
  expect(await stateOf(key)).toBe(deleted ? undefined : 'Disabled');
  expect([await rows(key), await isInToken(key)]).toEqual(deleted ? [0, false] : [1, true]);
});

test('whoever would cancel while it begins waits, and finds no key', async () => {
  const key = await doomed();
  const beginning = await vault.database.begin();
  await beginDeletion(beginning, {
    ...{ keyId: key.keyId, clockOffsetSeconds: 8 * day, now: Date.now() },
  });
  const cancelling = await vault.database.begin();
  const locking = keys.lock(cancelling, key.keyId);
  await someoneWaits();
  await beginning.commit();
  expect(await locking).toBeUndefined();
  await cancelling.rollback();
});

test('one whose material is in another token fails by that name, and can still be cancelled', async () => {
  const key = await doomed();
  await administer(
    vault.url,
    `update key_material set token_serial = 'elsewhere' where key_id = $1`,
    [key.keyId],
  );
  const [event] = await look(8 * day);
  expect(event).toMatchObject({ kind: 'failed', subject: key.keyId, attempts: 1 });
  expect(String(event?.kind === 'failed' && event.error)).toBe(
    `Error: The material ${key.materialId} is in the token with serial elsewhere, which is not this one`,
  );
  expect(await stateOf(key)).toBe('PendingDeletion');
  expect(await isInToken(key)).toBe(true);
  await cancelDeletion(vault.database, key.keyId);
  expect(await stateOf(key)).toBe('Disabled');
});

test('once it has begun the key is found by nobody, and what another worker began is finished', async () => {
  const key = await doomed();
  await inTransaction(vault.database, (transaction) =>
    beginDeletion(transaction, { keyId: key.keyId, clockOffsetSeconds: 8 * day, now: Date.now() }),
  );
  expect(await stateOf(key)).toBeUndefined();
  expect(await inTransaction(vault.database, (db) => keys.lock(db, key.keyId))).toBeUndefined();
  const page = { accountId, after: '', limit: 1000 };
  expect(await keys.list(vault.database, page)).not.toContain(key.keyId);
  // As if it had been killed after the token and before the database.
  await vault.token.destroyKey(key.materialId);
  expect(await job.run({ subject: key.keyId, clockOffsetSeconds: 8 * day })).toBe(true);
  expect([await rows(key), await records(key)]).toEqual([0, 1]);
});

test('of many workers that run it at once one does it', async () => {
  const key = await doomed();
  const task = { subject: key.keyId, clockOffsetSeconds: 8 * day };
  const did = await Promise.all(Array.from({ length: 3 }, () => job.run(task)));
  expect(did.filter(Boolean)).toHaveLength(1);
  expect([await rows(key), await isInToken(key), await records(key)]).toEqual([0, false, 1]);
});

test('without a record nothing is removed, and the next attempt finishes it', async () => {
  const key = await doomed();
  await administer(
    vault.url,
    `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
     create trigger refuse before insert on audit_record for each row execute function refuse()`,
  );
  const task = { subject: key.keyId, clockOffsetSeconds: 8 * day };
  await expect(job.run(task)).rejects.toMatchObject({ name: 'DatabaseError', code: 'failed' });
  expect([await rows(key), await records(key)]).toEqual([1, 0]);
  expect(await stateOf(key)).toBeUndefined();
  await administer(vault.url, 'drop trigger refuse on audit_record');
  expect(await job.run(task)).toBe(true);
  expect([await rows(key), await isInToken(key), await records(key)]).toEqual([0, false, 1]);
});
