import type { Corridor } from '../../src/corridor';
import { examineToken } from '../../src/doctor/examine';
import { deleteKey } from '../../src/jobs/delete-key';
import { destroyObjects } from '../../src/jobs/destroy-objects';
import { expireMaterial } from '../../src/jobs/expire-material';
import type { Job } from '../../src/jobs/job';
import { rotateKey } from '../../src/jobs/rotate-key';
import { JobTimer } from '../../src/jobs/timer';
import { decodeCiphertext } from '../../src/keys/ciphertext';
import type { Key } from '../../src/keys/key';
import {
  type Fault,
  FaultPoint,
  type FaultyDatabase,
  faultyDatabase,
  faultyToken,
} from './fault-point';
import { plaintext } from './keys';
import { type Site, openSite, perform } from './site';

/** What a scenario is about. */
export interface Subject {
  readonly keyId: string;
  /** Encrypted under it. */
  readonly blobs: readonly Buffer[];
}

export interface Scenario {
  readonly what: string;
  readonly prepare: () => Promise<Subject>;
  readonly run: (subject: Subject) => Promise<unknown>;
  /** After the clean-up: the key is as before or as after, and works. `done`: no fault came in between. */
  readonly check: (subject: Subject, done: boolean) => Promise<unknown>;
}

/**
 * Two workers on one real token and one real database: a healthy one, and one whose calls to them fail where a test wants
 * it. Only the failing is made up (`fault-point.ts`), because no real fault can be placed so exactly.
 */
export interface FaultStage {
  readonly site: Site;
  readonly healthy: Corridor;
  readonly faulty: Corridor;
  readonly database: FaultyDatabase;
  sql<R extends object>(text: string, ...values: readonly unknown[]): Promise<R[]>;
  ids(text: string, ...values: readonly unknown[]): Promise<string[]>;
  /** What daemons do when the time has come for what a fault has left. */
  cleanUp(hoursLater: number): Promise<void>;
  keyOf(subject: Pick<Subject, 'keyId'>): Promise<Key | undefined>;
  encrypt(key: Key): Promise<Buffer>;
  /** A new key that has encrypted something. */
  sealedKey(): Promise<Subject>;
  /** It encrypts, and opens that and what it encrypted before. */
  expectWorks(subject: Subject): Promise<Key>;
  /** Lets one call after the other fail, until there is none that has not. The names of those that did. */
  failEveryCall(scenario: Scenario, fault: Fault): Promise<string[]>;
  /** Removes all keys and wrapping keys from both. */
  clear(): Promise<void>;
}

type JobName = 'deleteKey' | 'rotateKey' | 'expireMaterial' | 'destroyObjects';

export function jobsOf(corridor: Corridor): Record<JobName, Job> {
  const parts = { ...corridor, ...corridor.services, database: corridor.database };
  return {
    deleteKey: deleteKey(parts),
    rotateKey: rotateKey(parts),
    expireMaterial: expireMaterial(parts),
    destroyObjects: destroyObjects(parts),
  };
}

export async function openFaultStage(): Promise<FaultStage> {
  const site = await openSite();
  const point = new FaultPoint();
  const database = faultyDatabase(site.database, point);
  const healthy = site.worker();
  const { keys, keyring } = healthy.services;

  const sql: FaultStage['sql'] = (text, ...values) => site.database.query({ text, values });
  const ids: FaultStage['ids'] = async (text, ...values) =>
    (await sql<{ id: string }>(text, ...values)).map(({ id }) => id).sort();
  const keyOf: FaultStage['keyOf'] = ({ keyId }) => keys.find(site.database, keyId);
  const encrypt: FaultStage['encrypt'] = async (key) =>
    (await keyring.encrypt(key, plaintext, undefined)).blob;
  const cleanUp: FaultStage['cleanUp'] = async (hoursLater) => {
    const failures: unknown[] = [];
    await new JobTimer({
      ...{ db: site.database, jobs: Object.values(jobsOf(healthy)), intervalMs: 60_000 },
      clockOffsetSeconds: hoursLater * 3600,
      onEvent: (event) => {
        if ('error' in event) failures.push(event.error);
      },
    }).look();
    expect(failures).toEqual([]);
  };

  return {
    ...{ site, healthy, database, sql, ids, cleanUp, keyOf, encrypt },
    faulty: site.worker({ database, token: faultyToken(site.token, point) }),
    sealedKey: async () => {
      const answer = await perform<CreateKeyAnswer>(healthy, 'CreateKey', {});
      const { KeyId: keyId } = answer.KeyMetadata;
      const key = await keyOf({ keyId });
      if (key === undefined) throw new Error('there is no key');
      return { keyId, blobs: [await encrypt(key)] };
    },
    expectWorks: async (subject) => {
      const key = await keyOf(subject);
      if (key === undefined) throw new Error('the key is gone');
      for (const blob of [...subject.blobs, await encrypt(key)]) {
        const opened = await keyring.decrypt(key, decodeCiphertext(blob), undefined);
        expect(opened.plaintext).toEqual(plaintext);
      }
      return key;
    },
    failEveryCall: async ({ prepare, run, check }, fault) => {
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
        // Longer than what a failed change leaves is kept, and shorter than the pair of keys of an import.
        await cleanUp(2);
        await expectAgreement({ site, ids });
        await check(subject, reached === undefined);
        if (reached === undefined) {
          expect(outcome).toBe('done');
          return failed;
        }
        failed.push(reached);
      }
    },
    clear: async () => {
      await sql('delete from job_attempt');
      await sql('delete from kms_key');
      await sql('delete from wrapping_key');
      for (const label of ['claviger:key:', 'claviger:wrapping:']) {
        for (const { kind, id } of await site.token.listObjects(label)) {
          await (kind === 'key-pair' ? site.token.destroyKeyPair(id) : site.token.destroyKey(id));
        }
      }
    },
  };
}

interface CreateKeyAnswer {
  readonly KeyMetadata: { readonly KeyId: string };
}

/** What the database names is in the token, and nothing else is, but what is entered for later than the clean-up. */
async function expectAgreement({ site, ids }: Pick<FaultStage, 'site' | 'ids'>): Promise<void> {
  const named = await ids(`
    select material_id as id from key_material
      where kind = 'resident' and import_state is distinct from 'PENDING_IMPORT'
    union all select token_key_id from system_key
    union all select wrapping_key_id from wrapping_key`);
  const pairs = await ids(
    `select token_key_id as id from doomed_object where kind = 'key-pair' and due_at > now() + interval '2 hours'`,
  );
  expect(await ids('select token_key_id as id from doomed_object')).toEqual(pairs);
  const objects = await site.token.listObjects('claviger:');
  const found = objects.map(({ id }) => id).filter((id) => !pairs.includes(id));
  expect(found.sort()).toEqual(named);
  expect(await examineToken({ ...site, encryptionLimit: 2 ** 32 })).toEqual([]);
}
