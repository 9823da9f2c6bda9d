import { inTransaction } from '../../src/db';
import { Sealing } from '../../src/auth/sealing';
import type { Corridor } from '../../src/corridor';
import { examineToken } from '../../src/doctor/examine';
import { deleteKey } from '../../src/jobs/delete-key';
import { destroyObjects } from '../../src/jobs/destroy-objects';
import type { Job } from '../../src/jobs/job';
import { rotateKey } from '../../src/jobs/rotate-key';
import { JobTimer } from '../../src/jobs/timer';
import { decodeCiphertext } from '../../src/keys/ciphertext';
import type { Key } from '../../src/keys/key';
import { createWrappingKey, lockWrappingKeys } from '../../src/keys/wrapping-keys';
import { undoneOnFailure } from '../../src/undo';
import {
  type Fault,
  FaultPoint,
  type FaultyDatabase,
  faults,
  faultyDatabase,
  faultyToken,
} from '../support/fault-point';
import { plaintext } from '../support/keys';
import { type Site, openSite, perform } from '../support/site';

/**
 * Every call that an operation makes to the token or to Postgres fails once, in each of four ways. The failing is made up
 * (test/support/fault-point.ts), because no real fault can be placed so exactly; SoftHSM, Postgres and all that is done with
 * them are real, and real faults are in orphans.test.ts and deletion.test.ts.
 */
jest.setTimeout(120_000);

let site: Site;
let healthy: Corridor;
let point: FaultPoint;
let database: FaultyDatabase;
let faulty: Corridor;
beforeAll(async () => {
  site = await openSite();
  healthy = site.worker();
  point = new FaultPoint();
  database = faultyDatabase(site.database, point);
  faulty = site.worker({ database, token: faultyToken(site.token, point) });
});
afterAll(() => site.close());
afterEach(async () => {
  await sql(
    'with a as (delete from job_attempt), w as (delete from wrapping_key) delete from kms_key',
  );
  for (const label of ['claviger:key:', 'claviger:wrapping:']) {
    for (const id of await site.token.listKeys(label)) await site.token.destroyKey(id);
  }
});

const sql = <R extends object>(text: string, ...values: readonly unknown[]): Promise<R[]> =>
  site.database.query<R>({ text, values });
const idsOf = async (text: string): Promise<string[]> =>
  (await sql<{ id: string }>(text)).map(({ id }) => id).sort();

const jobsOf = (corridor: Corridor): Record<'deleteKey' | 'rotateKey' | 'destroyObjects', Job> => {
  const parts = { ...corridor, ...corridor.services, database: corridor.database };
  return {
    deleteKey: deleteKey(parts),
    rotateKey: rotateKey(parts),
    destroyObjects: destroyObjects(parts),
  };
};

/** What daemons do when the time has come for what a fault has left. */
async function cleanUp(): Promise<void> {
  const failures: unknown[] = [];
  await new JobTimer({
    db: site.database,
    jobs: Object.values(jobsOf(healthy)),
    intervalMs: 60_000,
    clockOffsetSeconds: 2 * 3600,
    onEvent: (event) => {
      if ('error' in event) failures.push(event.error);
    },
  }).look();
  expect(failures).toEqual([]);
}

async function expectAgreement(): Promise<void> {
  const named = await idsOf(`
    select material_id as id from key_material where kind = 'resident'
      and import_state is distinct from 'PENDING_IMPORT'
    union all select token_key_id from system_key
    union all select wrapping_key_id from wrapping_key`);
  const objects = await site.token.listObjects('claviger:');
  expect(objects.map(({ id }) => id).sort()).toEqual(named);
  expect(await sql('select * from doomed_object')).toEqual([]);
  const patient = { database: site.database, keys: healthy.services.keys, token: site.token };
  expect(await examineToken(patient)).toEqual([]);
}

interface Subject {
  readonly keyId: string;
  /** Encrypted under it. */
  readonly blobs: readonly Buffer[];
}

async function keyOf({ keyId }: Pick<Subject, 'keyId'>): Promise<Key | undefined> {
  return healthy.services.keys.find(site.database, keyId);
}

async function encrypt(key: Key): Promise<Buffer> {
  return (await healthy.services.keyring.encrypt(key, plaintext, undefined)).blob;
}

/** It encrypts, and opens that and what it encrypted before. */
async function expectWorks(subject: Subject): Promise<Key> {
  const key = await keyOf(subject);
  if (key === undefined) throw new Error('the key is gone');
  for (const blob of [...subject.blobs, await encrypt(key)]) {
    const { decrypt } = healthy.services.keyring;
    const ciphertext = decodeCiphertext(blob);
    const opened = await decrypt.call(healthy.services.keyring, key, ciphertext, undefined);
    expect(opened.plaintext).toEqual(plaintext);
  }
  return key;
}

interface KeyAnswer {
  readonly KeyMetadata: { readonly KeyId: string };
}

async function sealedKey(): Promise<Subject> {
  const { KeyMetadata } = await perform<KeyAnswer>(healthy, 'CreateKey', {});
  const key = await keyOf({ keyId: KeyMetadata.KeyId });
  if (key === undefined) throw new Error('there is no key');
  return { keyId: key.keyId, blobs: [await encrypt(key)] };
}

interface Scenario {
  readonly what: string;
  readonly prepare: () => Promise<Subject>;
  readonly run: (subject: Subject) => Promise<unknown>;
  /** After the clean-up: the key is as before or as after, and works. `done`: no fault came in between. */
  readonly check: (subject: Subject, done: boolean) => Promise<void>;
}

const nothing = (): Promise<Subject> => Promise.resolve({ keyId: '', blobs: [] });
const isIn = (count: number, done: boolean, counts: { before: number; after: number }): void =>
  expect(done ? [counts.after] : [counts.before, counts.after]).toContain(count);

async function materialsOf(subject: Subject): Promise<number> {
  const key = await expectWorks(subject);
  const ids = [...key.materials.keys()];
  expect(key.currentMaterial?.id).toBe(ids.at(-1));
  return ids.length;
}

const scenarios: readonly Scenario[] = [
  {
    what: 'CreateKey',
    prepare: async () => {
      await sql('delete from kms_key');
      for (const id of await site.token.listKeys('claviger:key:')) await site.token.destroyKey(id);
      return nothing();
    },
    run: () => perform(faulty, 'CreateKey', {}),
    check: async (_nothing, done) => {
      const made = await idsOf('select key_id as id from kms_key');
      isIn(made.length, done, { before: 0, after: 1 });
      for (const keyId of made) await expectWorks({ keyId, blobs: [] });
    },
  },
  {
    what: 'RotateKeyOnDemand',
    prepare: sealedKey,
    run: ({ keyId }) => perform(faulty, 'RotateKeyOnDemand', { KeyId: keyId }),
    check: async (subject, done) => isIn(await materialsOf(subject), done, { before: 1, after: 2 }),
  },
  {
    what: 'The rotation of a key that rotates by itself',
    prepare: async () => {
      const subject = await sealedKey();
      await perform(healthy, 'EnableKeyRotation', { KeyId: subject.keyId });
      await sql(
        `update kms_key set next_rotation_at = now() - interval '1 s' where key_id = $1`,
        subject.keyId,
      );
      return subject;
    },
    run: ({ keyId: subject }) => jobsOf(faulty).rotateKey.run({ subject, clockOffsetSeconds: 0 }),
    // Where the fault prevented it, the clean-up has done it: once.
    check: async (subject) => expect(await materialsOf(subject)).toBe(2),
  },
  {
    what: 'The deletion of a key whose date has come',
    prepare: async () => {
      const subject = await sealedKey();
      await perform(healthy, 'RotateKeyOnDemand', { KeyId: subject.keyId });
      await perform(healthy, 'ScheduleKeyDeletion', { KeyId: subject.keyId });
      await sql(
        `update kms_key set deletion_date = now() - interval '1 s' where key_id = $1`,
        subject.keyId,
      );
      return subject;
    },
    run: ({ keyId: subject }) => jobsOf(faulty).deleteKey.run({ subject, clockOffsetSeconds: 0 }),
    check: async (subject) => {
      expect(await keyOf(subject)).toBeUndefined();
      expect(await sql('select from key_material where key_id = $1', subject.keyId)).toEqual([]);
      const records = `select from audit_record where record like '%"DeleteKey"%' || $1 || '%'`;
      expect(await sql(records, subject.keyId)).toHaveLength(1);
    },
  },
  {
    what: 'The making of a sealing key',
    prepare: nothing,
    run: () =>
      inTransaction(database, (transaction) =>
        new Sealing(faulty.services.token, 'session-sealing').createKey(database, transaction),
      ),
    check: nothing as () => Promise<never>,
  },
  {
    what: 'The making of a wrapping key',
    prepare: nothing,
    run: () =>
      undoneOnFailure(faulty, async (transaction, undo) => {
        const parts = { ...faulty.services, database };
        await lockWrappingKeys(transaction);
        await createWrappingKey(parts, transaction, { exportable: false, undo });
        await transaction.commit();
      }),
    check: async () => {
      const current = await idsOf(
        `select wrapping_key_id as id from wrapping_key where state = 'CURRENT'`,
      );
      for (const id of current) await site.token.generateWrappedAesKey(id);
    },
  },
];

const cases = scenarios.flatMap((scenario) =>
  (Object.keys(faults) as Fault[]).map((fault) => ({ ...scenario, fault })),
);

test.each(cases)(
  '$what leaves token and database in agreement when any one of its calls $fault',
  async ({ prepare, run, check, fault }) => {
    const failed: string[] = [];
    for (let call = 1; ; call += 1) {
      const subject = await prepare();
      point.arm(call, fault);
      const outcome = await run(subject).then(
        () => 'done',
        (error: unknown) => error,
      );
      const reached = point.disarm();
      await database.abandon();
      await cleanUp();
      await expectAgreement();
      await check(subject, reached === undefined);
      if (reached === undefined) {
        expect(outcome).toBe('done');
        break;
      }
      failed.push(reached);
    }
    // Were they fewer, something would be done without being looked at here.
    expect(failed).toContain('commit');
    expect(failed.length).toBeGreaterThanOrEqual(6);
  },
);
