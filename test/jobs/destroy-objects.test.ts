import { randomBytes, randomUUID } from 'node:crypto';
import { type Transaction, inTransaction } from '../../src/db';
import { destroyObjects } from '../../src/jobs/destroy-objects';
import type { Job } from '../../src/jobs/job';
import { type JobEvent, JobTimer } from '../../src/jobs/timer';
import { doom, spare } from '../../src/keys/doomed-objects';
import { Materials } from '../../src/keys/materials';
import { KeyStore } from '../../src/keys/store';
import { lockToken } from '../../src/keys/token-lock';
import { defaultKeyPolicy } from '../../src/policy/compile';
import { undoneOnFailure } from '../../src/undo';
import { type Vault, openVault } from '../support/access-keys';
import { generateAes } from '../support/generated-keys';
import { administer, lockWaiters } from '../support/postgres';
import { accountId, place } from '../support/sample-keys';
import { until } from '../support/until';

const hour = 3600;

let vault: Vault;
let job: Job;
let materials: Materials;
const keys = new KeyStore(place);
beforeAll(async () => {
  vault = await openVault();
  await vault.issue(accountId, false);
  job = destroyObjects(vault);
  materials = new Materials({ ...vault, keys, storage: 'resident' });
});
afterAll(() => vault.remove());
afterEach(() =>
  administer(
    vault.url,
    'with a as (delete from job_attempt), d as (delete from doomed_object) delete from kms_key',
  ),
);

const inToken = async (id: string): Promise<boolean> =>
  (await vault.token.listKeys('claviger:')).includes(id);
const entries = async (): Promise<string[]> =>
  (await administer<{ id: string }>(vault.url, 'select token_key_id as id from doomed_object')).map(
    ({ id }) => id,
  );

/** An object of the token that is entered as doomed, and nothing else. */
async function forgotten({ tokenSerial = vault.token.status().serial } = {}): Promise<string> {
  const tokenKeyId = randomBytes(32).toString('hex');
  await doom(vault.database, { tokenKeyId, tokenSerial, kind: 'secret-key', dueInSeconds: hour });
  await generateAes(vault.token, tokenKeyId, 'claviger:key:forgotten');
  return tokenKeyId;
}

/** A key in the making: its rows, and its object in the token. */
async function create(transaction: Transaction): Promise<{ keyId: string; id: string }> {
  const inserted = await keys.insert(transaction, {
    ...{ keyId: randomUUID(), accountId, description: '', keySpec: 'SYMMETRIC_DEFAULT' },
    ...{ keyUsage: 'ENCRYPT_DECRYPT', policy: defaultKeyPolicy(place, accountId), tags: [] },
  });
  const key = await materials.create(transaction, inserted, { undo: () => undefined });
  return { keyId: inserted.keyId, id: key.currentMaterial?.id ?? '' };
}

/** What one look of a worker told, whose view of the database's clock is so many seconds ahead. */
async function look(clockOffsetSeconds: number): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  const onEvent = (event: JobEvent): void => void events.push(event);
  const { database: db } = vault;
  await new JobTimer({
    ...{ db, jobs: [job], intervalMs: 60_000, clockOffsetSeconds, onEvent },
  }).look();
  return events;
}
const nothingOverdue: JobEvent = { kind: 'overdue', job: 'destroy-objects', count: 0 };

test('an object that nothing names is destroyed when it is due, and not before', async () => {
  const id = await forgotten();
  expect(await look(hour - 30)).toEqual([nothingOverdue]);
  expect([await inToken(id), await entries()]).toEqual([true, [id]]);
  expect(await look(hour + 1)).toEqual([
    { kind: 'done', job: 'destroy-objects', subject: id },
    nothingOverdue,
  ]);
  expect([await inToken(id), await entries()]).toEqual([false, []]);
});

test('run on an object that is not due it does nothing, so that no claim can be wrong', async () => {
  const id = await forgotten();
  expect(await job.run({ subject: id, clockOffsetSeconds: hour - 30 })).toBe(false);
  expect([await inToken(id), await entries()]).toEqual([true, [id]]);
});

test('one that was never made, or is destroyed already, is done with', async () => {
  const id = await forgotten();
  await vault.token.destroyKey(id);
  expect(await job.run({ subject: id, clockOffsetSeconds: 2 * hour })).toBe(true);
  expect(await entries()).toEqual([]);
});

test('a pair of keys is destroyed with both halves', async () => {
  const object = { tokenKeyId: 'cd'.repeat(32), tokenSerial: vault.token.status().serial };
  await doom(vault.database, { ...object, kind: 'key-pair', dueInSeconds: hour });
  await vault.token.generateImportKeyPair(object.tokenKeyId, 'claviger:import:a', { bits: 2048 });
  expect(await vault.token.listObjects('claviger:import:')).toHaveLength(1);
  expect(await look(2 * hour)).toMatchObject([{ kind: 'done' }, nothingOverdue]);
  expect(await vault.token.listObjects('claviger:import:')).toEqual([]);
});

test('one of another token is left alone, and is not overdue here', async () => {
  const id = await forgotten({ tokenSerial: 'elsewhere' });
  expect(await look(2 * hour)).toEqual([nothingOverdue]);
  expect([await inToken(id), await entries()]).toEqual([true, [id]]);
});

const named = `insert into key_material (material_id, key_id, kind, token_serial, state, ordinal`;
test.each([
  ['a key material', `${named}) select $1, key_id, 'resident', $2, 'NON_CURRENT', 2 from kms_key`],
  [
    'an imported key material',
    `${named}, import_state) select $1, key_id, 'resident', $2, 'NON_CURRENT', 2, 'IMPORTED' from kms_key`,
  ],
  [
    'a key material of another token',
    `${named}) select $1, key_id, 'resident', $2 || '0', 'NON_CURRENT', 2 from kms_key`,
  ],
  [
    'a key of the system',
    `insert into system_key (purpose, token_key_id, token_serial) values ('testing', $1, $2)`,
  ],
  [
    'a wrapping key',
    `insert into wrapping_key (wrapping_key_id, state, exportable) select $1, 'RETIRED', $2::text is null`,
  ],
])('one that %s names stays, and only its entry goes', async (_what, name) => {
  await inTransaction(vault.database, create);
  const id = await forgotten();
  await administer(vault.url, name, [id, vault.token.status().serial]);
  expect(await job.run({ subject: id, clockOffsetSeconds: 2 * hour })).toBe(true);
  expect([await inToken(id), await entries()]).toEqual([true, []]);
});

test('material that waits to be imported again names no object', async () => {
  await inTransaction(vault.database, create);
  const id = await forgotten();
  await administer(
    vault.url,
    `${named}, import_state) select $1, key_id, 'resident', $2, 'NON_CURRENT', 2, 'PENDING_IMPORT' from kms_key`,
    [id, vault.token.status().serial],
  );
  expect(await job.run({ subject: id, clockOffsetSeconds: 2 * hour })).toBe(true);
  expect([await inToken(id), await entries()]).toEqual([false, []]);
});

test('the object of a change that is under way for longer than its time stays, whatever looks for it', async () => {
  const transaction = await vault.database.begin();
  const { keyId, id } = await create(transaction);
  expect(await entries()).toEqual([id]);
  expect(await look(2 * hour)).toMatchObject([{ kind: 'overdue', count: 1 }]);
  expect(await job.run({ subject: id, clockOffsetSeconds: 2 * hour })).toBe(false);
  await transaction.commit();
  expect(await look(2 * hour)).toEqual([nothingOverdue]);
  expect((await keys.find(vault.database, keyId))?.currentMaterial?.id).toBe(id);
  expect([await inToken(id), await entries()]).toEqual([true, []]);
});

test('the object of a change that came to nothing and could not be undone is destroyed', async () => {
  const transaction = await vault.database.begin();
  const { id } = await create(transaction);
  await transaction.rollback();
  expect([await inToken(id), await entries()]).toEqual([true, [id]]);
  expect(await look(2 * hour)).toMatchObject([{ kind: 'done', subject: id }, nothingOverdue]);
  expect(await inToken(id)).toBe(false);
});

test('a change whose entry was worked off before it came to spare it fails before it makes anything', async () => {
  const object = { tokenKeyId: 'ab'.repeat(32), tokenSerial: vault.token.status().serial };
  await doom(vault.database.apart, { ...object, kind: 'secret-key', dueInSeconds: hour });
  expect(await job.run({ subject: object.tokenKeyId, clockOffsetSeconds: 2 * hour })).toBe(true);
  await expect(inTransaction(vault.database, (open) => spare(open, object))).rejects.toThrow(
    'an object of the token is spared that was not entered',
  );
});

test('a change that comes while the object is destroyed waits, and has an entry of its own then', async () => {
  const id = await forgotten();
  const object = { tokenKeyId: id, tokenSerial: vault.token.status().serial };
  const generating = await vault.database.begin();
  await lockToken(generating, object.tokenSerial);
  const destroying = job.run({ subject: id, clockOffsetSeconds: 2 * hour });
  const waiting = (count: number): Promise<void> =>
    until('so many wait for a lock', async () => (await lockWaiters(vault.url)) === count);
  await waiting(1);
  const again = doom(vault.database.apart, { ...object, kind: 'secret-key', dueInSeconds: hour });
  await waiting(2);
  expect(await inToken(id)).toBe(true);
  await generating.commit();
  expect(await destroying).toBe(true);
  await again;
  expect([await inToken(id), await entries()]).toEqual([false, [id]]);
  expect(await job.run({ subject: id, clockOffsetSeconds: hour - 30 })).toBe(false);
});

test('of many workers that run it at once one does it', async () => {
  const id = await forgotten();
  const task = { subject: id, clockOffsetSeconds: 2 * hour };
  const did = await Promise.all(Array.from({ length: 3 }, () => job.run(task)));
  expect(did.filter(Boolean)).toEqual([true]);
  expect([await inToken(id), await entries()]).toEqual([false, []]);
});

test('more changes at once than there are connections all get an entry', async () => {
  const onLeftover = (error: unknown): void => expect(error).toBeUndefined();
  const made = await Promise.all(
    Array.from({ length: 12 }, () =>
      undoneOnFailure({ ...vault, onLeftover }, async (transaction) => {
        const { id } = await create(transaction);
        await transaction.commit();
        return id;
      }),
    ),
  );
  expect(new Set(made).size).toBe(12);
  expect(await entries()).toEqual([]);
});
