import type { Job } from '../../src/jobs/job';
import { rotateKey } from '../../src/jobs/rotate-key';
import type { JobEvent } from '../../src/jobs/timer';
import { scheduleDeletion } from '../../src/keys/deletion';
import type { Key } from '../../src/keys/key';
import {
  type RotationParts,
  disableRotation,
  enableRotation,
  rotateNow,
} from '../../src/keys/rotation';
import { type KeyStore } from '../../src/keys/store';
import type { Vault } from '../support/access-keys';
import { type KeyJobs, openKeyJobs } from '../support/key-jobs';
import { administer } from '../support/postgres';
import { accountId } from '../support/sample-keys';
import { until } from '../support/until';

const day = 24 * 3600;
const dayMs = day * 1000;

let stage: KeyJobs;
let vault: Vault;
let keys: KeyStore;
let parts: RotationParts;
let job: Job;
beforeAll(async () => {
  stage = await openKeyJobs();
  ({ vault, keys, parts } = stage);
  job = rotateKey(parts);
});
afterAll(() => stage.close());
afterEach(() => stage.clear());

/** A key that rotates every ninety days, for the first time in ninety days. */
const rotating = (): Promise<Key> =>
  stage.make((transaction, keyId) => enableRotation(transaction, keyId, 90));

async function look(clockOffsetSeconds: number): Promise<JobEvent[]> {
  const told = await stage.look(job, clockOffsetSeconds);
  return told.filter(({ kind }) => kind !== 'overdue');
}

async function now({ keyId }: Key): Promise<Key> {
  const key = await keys.find(vault.database, keyId);
  if (key === undefined) throw new Error('the key is not there');
  return key;
}
const inToken = (): Promise<string[]> => vault.token.listKeys('claviger:key:');
const states = ({ materials }: Key): string[] => [...materials.values()].map(({ state }) => state);
interface Event {
  readonly serviceEventDetails: Readonly<Record<string, string>>;
}
const events = async ({ arn }: Key): Promise<Event[]> =>
  (
    await administer<{ record: string }>(
      vault.url,
      `select record from audit_record where record like $1 order by writer, seq`,
      [`%RotateKey%${arn}%`],
    )
  ).map(({ record }) => JSON.parse(record) as Event);
/** Days between two dates of the key. */
const days = (from: Key, to: Key): number =>
  ((to.rotation?.nextAt.getTime() ?? NaN) - (from.rotation?.nextAt.getTime() ?? NaN)) / dayMs;
const done = ({ keyId }: Key): JobEvent => ({ kind: 'done', job: 'rotate-key', subject: keyId });
const setState = (key: Key, state: 'Enabled' | 'Disabled'): Promise<void> =>
  keys.setState(vault.database, key.keyId, state);

async function refusingRecords(work: () => Promise<void>): Promise<void> {
  await administer(
    vault.url,
    `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
     create trigger refuse before insert on audit_record for each row execute function refuse()`,
  );
  try {
    await work();
  } finally {
    await administer(vault.url, 'drop function refuse cascade');
  }
}

test('a key rotates at its date and not a moment earlier, and again a period later', async () => {
  const made = await rotating();
  expect(await look(90 * day - 30)).toEqual([]);
  expect(await now(made)).toEqual({ ...made, policy: expect.anything() as unknown });
  expect(await look(90 * day + 1)).toEqual([done(made)]);
  const rotated = await now(made);
  expect(states(rotated)).toEqual(['NON_CURRENT', 'CURRENT']);
  expect(rotated.currentMaterial?.id).not.toBe(made.currentMaterial?.id);
  expect(days(made, rotated)).toBe(90);
  expect(await look(90 * day + 2)).toEqual([]);
  expect(await look(180 * day + 1)).toEqual([done(made)]);
  const again = await now(made);
  expect(states(again)).toEqual(['NON_CURRENT', 'NON_CURRENT', 'CURRENT']);
  expect(days(made, again)).toBe(180);
  expect(await inToken()).toEqual(expect.arrayContaining([...again.materials.keys()]));
});

test('its record has what CloudTrail has of a rotation', async () => {
  const made = await rotating();
  await look(91 * day);
  const { keyId, arn } = made;
  expect(await events(made)).toMatchObject([
    {
      eventName: 'RotateKey',
      eventType: 'AwsServiceEvent',
      userIdentity: { accountId, invokedBy: 'AWS Internal' },
      resources: [{ accountId, type: 'AWS::KMS::Key', ARN: arn }],
      serviceEventDetails: {
        ...{ keyId, rotationType: 'AUTOMATIC', keyOrigin: 'AWS_KMS' },
        previousKeyMaterialId: made.currentMaterial?.id,
        currentKeyMaterialId: (await now(made)).currentMaterial?.id,
      },
    },
  ]);
});

test('one that was overdue for periods rotates once, and keeps its days', async () => {
  const made = await rotating();
  expect(await look(1000 * day)).toEqual([done(made)]);
  // 90, 180, … 990 have gone by.
  expect(days(made, await now(made))).toBe(990);
  expect(await look(1000 * day + 1)).toEqual([]);
  expect(states(await now(made))).toEqual(['NON_CURRENT', 'CURRENT']);
});

test('one that is disabled does not, and is due at once when it is enabled again', async () => {
  const made = await rotating();
  await setState(made, 'Disabled');
  expect(await look(100 * day)).toEqual([]);
  await setState(made, 'Enabled');
  expect(await look(100 * day)).toEqual([done(made)]);
  expect(days(made, await now(made))).toBe(90);
});

test.each([
  ['is pending deletion', ({ keyId }: Key) => scheduleDeletion(vault.database, keyId, 7)],
  ['was disabled', (key: Key) => setState(key, 'Disabled')],
  ['rotates no more', ({ keyId }: Key) => disableRotation(vault.database, keyId)],
  ['has a date further on', ({ keyId }: Key) => enableRotation(vault.database, keyId, 91)],
] as const)('one that was claimed and %s by now keeps its material', async (_title, change) => {
  const made = await rotating();
  await change(made);
  expect(await job.run({ subject: made.keyId, clockOffsetSeconds: 90 * day + 60 })).toBe(false);
  const kept = await now(made);
  expect(kept.currentMaterial?.id).toBe(made.currentMaterial?.id);
  expect(kept.materials.size).toBe(1);
  expect(await events(made)).toEqual([]);
});

test('one that is deleted is nothing to rotate', async () => {
  const made = await rotating();
  await administer(vault.url, 'delete from kms_key where key_id = $1', [made.keyId]);
  expect(await job.run({ subject: made.keyId, clockOffsetSeconds: 100 * day })).toBe(false);
});

test('of many workers that run it at once one does it', async () => {
  const made = await rotating();
  const before = (await inToken()).length;
  const task = { subject: made.keyId, clockOffsetSeconds: 100 * day };
  const did = await Promise.all(Array.from({ length: 3 }, () => job.run(task)));
  expect(did.filter(Boolean)).toHaveLength(1);
  expect(states(await now(made))).toEqual(['NON_CURRENT', 'CURRENT']);
  expect(await events(made)).toHaveLength(1);
  expect(await inToken()).toHaveLength(before + 1);
});

test('one that is being disabled is waited for', async () => {
  const made = await rotating();
  const disabling = await vault.database.begin();
  await keys.lock(disabling, made.keyId);
  await keys.setState(disabling, made.keyId, 'Disabled');
  const running = job.run({ subject: made.keyId, clockOffsetSeconds: 100 * day });
  await until('the job waits for the lock', async () => {
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return (await administer(vault.url, waiting)).length > 0;
  });
  await disabling.commit();
  expect(await running).toBe(false);
  expect((await now(made)).materials.size).toBe(1);
});

test('without a record nothing has changed, in the token neither, and the next attempt rotates', async () => {
  const made = await rotating();
  const before = await inToken();
  const task = { subject: made.keyId, clockOffsetSeconds: 100 * day };
  await refusingRecords(async () => {
    await expect(job.run(task)).rejects.toMatchObject({ name: 'DatabaseError', code: 'failed' });
  });
  expect(await now(made)).toEqual({ ...made, policy: expect.anything() as unknown });
  expect(await inToken()).toEqual(before);
  expect(await job.run(task)).toBe(true);
  expect(states(await now(made))).toEqual(['NON_CURRENT', 'CURRENT']);
});

test('a rotation for another reason leaves the date, and what its reason changed commits with it', async () => {
  const made = await rotating();
  const describing = (wanted: boolean) =>
    rotateNow(parts, {
      keyId: made.keyId,
      wanted: async (transaction) => {
        await keys.setDescription(transaction, made.keyId, 'used up');
        return wanted;
      },
    });
  expect(await describing(false)).toBe(false);
  expect(await now(made)).toEqual({ ...made, policy: expect.anything() as unknown });
  expect(await describing(true)).toBe(true);
  const rotated = await now(made);
  expect(rotated).toMatchObject({ description: 'used up', rotation: made.rotation });
  expect(states(rotated)).toEqual(['NON_CURRENT', 'CURRENT']);
  expect((await events(made))[0]?.serviceEventDetails['rotationType']).toBe('AUTOMATIC');
});
