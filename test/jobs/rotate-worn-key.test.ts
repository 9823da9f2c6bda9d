import { inTransaction } from '../../src/db';
import type { Job } from '../../src/jobs/job';
import { rotateWornKey } from '../../src/jobs/rotate-worn-key';
import type { JobEvent } from '../../src/jobs/timer';
import { EncryptionCounts } from '../../src/keys/encryption-counts';
import type { Key } from '../../src/keys/key';
import { type RotationParts, enableRotation } from '../../src/keys/rotation';
import { type KeyStore, type NewKey } from '../../src/keys/store';
import type { Vault } from '../support/access-keys';
import { type KeyJobs, openKeyJobs } from '../support/key-jobs';
import { administer } from '../support/postgres';
import { insertStoreRow } from '../support/store-rows';

let stage: KeyJobs;
let vault: Vault;
let keys: KeyStore;
let parts: RotationParts;
let job: Job;
beforeAll(async () => {
  stage = await openKeyJobs();
  ({ vault, keys, parts } = stage);
  job = rotateWornKey(parts);
});
afterAll(() => stage.close());
afterEach(() => stage.clear());

const limit = 100;

const makeKey = (different: Partial<NewKey> = {}, periodDays?: number): Promise<Key> =>
  stage.make(async (transaction, keyId) => {
    if (periodDays !== undefined) await enableRotation(transaction, keyId, periodDays);
  }, different);

/** Encrypts that often under the key's current material, as far as its count goes. */
async function encrypt({ currentMaterial }: Key, times: number): Promise<void> {
  const ignore = (): void => undefined;
  const counts = new EncryptionCounts({
    ...{ db: vault.database, limit, onReserved: ignore, onWorn: ignore },
  });
  for (let time = 0; time < times; time += 1) await counts.reserve(currentMaterial?.id ?? '', 1);
}

const look = (): Promise<JobEvent[]> => stage.look(job);
const done = ({ keyId }: Key): JobEvent => ({
  ...{ kind: 'done', job: 'rotate-worn-key', subject: keyId },
});
const overdue = (count: number): JobEvent => ({ kind: 'overdue', job: 'rotate-worn-key', count });

async function now({ keyId }: Key): Promise<Key> {
  const key = await keys.find(vault.database, keyId);
  if (key === undefined) throw new Error('the key is not there');
  return key;
}

test('A key is rotated when half of the encryptions of its material are used up, and not before', async () => {
  const [key, other] = [await makeKey(), await makeKey()];
  await encrypt(key, 49);
  await encrypt(other, 1);
  expect(await look()).toEqual([overdue(0)]);
  await encrypt(key, 1);
  expect(await look()).toEqual([done(key), overdue(0)]);
  const rotated = await now(key);
  expect([...rotated.materials.keys()]).toEqual([
    key.currentMaterial?.id,
    rotated.currentMaterial?.id,
  ]);
  expect((await now(other)).currentMaterial).toEqual(other.currentMaterial);
  expect(await look()).toEqual([overdue(0)]);
  await encrypt(rotated, 50);
  expect(await look()).toEqual([done(key), overdue(0)]);
  expect((await now(key)).materials.size).toBe(3);
});

test('A rotation for it is recorded as an automatic one, and leaves the date of the next', async () => {
  const key = await makeKey({}, 90);
  await encrypt(key, 50);
  await look();
  const rotated = await now(key);
  expect(rotated.rotation).toEqual(key.rotation);
  const [row] = await administer<{ record: string }>(
    vault.url,
    'select record from audit_record where record like $1',
    [`%RotateKey%${key.arn}%`],
  );
  expect(JSON.parse(row?.record ?? '')).toMatchObject({
    eventName: 'RotateKey',
    serviceEventDetails: {
      rotationType: 'AUTOMATIC',
      previousKeyMaterialId: key.currentMaterial?.id,
      currentKeyMaterialId: rotated.currentMaterial?.id,
    },
  });
});

test('An AWS-managed key is rotated like any other', async () => {
  const key = await makeKey({ keyManager: 'AWS' });
  await encrypt(key, 50);
  expect(await look()).toEqual([done(key), overdue(0)]);
});

test('A key that is not enabled waits until it is', async () => {
  const key = await makeKey();
  await encrypt(key, 50);
  await keys.setState(vault.database, key.keyId, 'Disabled');
  expect(await look()).toEqual([overdue(0)]);
  await keys.setState(vault.database, key.keyId, 'Enabled');
  expect(await look()).toEqual([done(key), overdue(0)]);
});

test('An imported key is left alone, and is overdue until somebody rotates it', async () => {
  const [imported, made] = [await makeKey(), await makeKey()];
  await administer(vault.url, `update kms_key set origin = 'EXTERNAL' where key_id = $1`, [
    imported.keyId,
  ]);
  for (const key of [imported, made]) await encrypt(key, 50);
  expect(await look()).toEqual([done(made), overdue(1)]);
  expect((await now(imported)).materials.size).toBe(1);
});

test('A key of a custom key store is neither rotated nor overdue: nobody can do that', async () => {
  const key = await makeKey();
  const storeId = await insertStoreRow(vault.url);
  await administer(
    vault.url,
    `update kms_key set origin = 'AWS_CLOUDHSM', custom_key_store_id = $2 where key_id = $1`,
    [key.keyId, storeId],
  );
  await encrypt(key, 50);
  expect(await look()).toEqual([overdue(0)]);
});

test('Workers that look at once rotate a key once', async () => {
  const key = await makeKey();
  await encrypt(key, 50);
  const events = (await Promise.all([look(), look(), look()])).flat();
  expect(events.filter(({ kind }) => kind === 'done')).toEqual([done(key)]);
  expect((await now(key)).materials.size).toBe(2);
});

test('Of a job that was claimed before the key was rotated otherwise nothing comes', async () => {
  const key = await makeKey();
  await encrypt(key, 50);
  await inTransaction(vault.database, (transaction) =>
    parts.materials.create(transaction, key, { undo: () => undefined, rotationType: 'ON_DEMAND' }),
  );
  expect(await job.run({ subject: key.keyId, clockOffsetSeconds: 0 })).toBe(false);
  expect((await now(key)).materials.size).toBe(2);
});
