import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { inTransaction } from '../../src/db';
import { Sealing } from '../../src/auth/sealing';
import { materialKind } from '../../src/keys/material-use';
import { createWrappingKey, lockWrappingKeys } from '../../src/keys/wrapping-keys';
import { undoneOnFailure } from '../../src/undo';
import { type Fault, faults } from '../support/fault-point';
import {
  type FaultStage,
  type Scenario,
  type Subject,
  jobsOf,
  openFaultStage,
} from '../support/fault-stage';
import { generateWrappedAes } from '../support/generated-keys';
import { perform } from '../support/site';

/**
 * Every call that an operation makes to the token or to Postgres fails once, in each of four ways. The failing is made up;
 * SoftHSM, Postgres and all that is done with them are real. Real faults are in orphans.test.ts and deletion.test.ts.
 */
jest.setTimeout(120_000);

let stage: FaultStage;
beforeAll(async () => {
  stage = await openFaultStage();
});
afterAll(() => stage.site.close());
afterEach(() => stage.clear());

const nothing = (): Promise<Subject> => Promise.resolve({ keyId: '', blobs: [] });
const isIn = (count: number, done: boolean, counts: { before: number; after: number }): void =>
  expect(done ? [counts.after] : [counts.before, counts.after]).toContain(count);

async function materialsOf(subject: Subject): Promise<number> {
  const key = await stage.expectWorks(subject);
  const ids = [...key.materials.keys()];
  expect(key.currentMaterial?.id).toBe(ids.at(-1));
  return ids.length;
}

/** A key is either made whole, its public half recorded and its private half in the token, or there is none. */
const createPair = (spec: string, usage: string): Scenario => ({
  what: `CreateKey of ${spec} for ${usage}`,
  prepare: async () => {
    await stage.clear();
    return nothing();
  },
  run: () => perform(stage.faulty, 'CreateKey', { KeySpec: spec, KeyUsage: usage }),
  check: async (_nothing, done) => {
    const made = await stage.ids('select key_id as id from kms_key');
    isIn(made.length, done, { before: 0, after: 1 });
    for (const keyId of made) await expectSigns(keyId);
  },
});

async function expectSigns(keyId: string): Promise<void> {
  const key = await stage.keyOf({ keyId });
  const { id, publicKey = '' } = key?.currentMaterial ?? {};
  if (key === undefined || id === undefined) throw new Error('the key has no material');
  const spki = { key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' } as const;
  const message = randomBytes(32);
  const signature = await stage.site.token.sign(
    { id, wrapped: undefined, kind: materialKind(key) },
    {
      algorithm: key.keySpec === 'RSA_2048' ? 'RSASSA_PKCS1_V1_5_SHA_256' : 'ECDSA_SHA_256',
      input: createHash('sha256').update(message).digest(),
    },
  );
  expect(verify('sha256', message, createPublicKey(spki), signature)).toBe(true);
}

const scenarios: readonly Scenario[] = [
  createPair('ECC_NIST_P256', 'SIGN_VERIFY'),
  {
    what: 'CreateKey',
    prepare: async () => {
      await stage.clear();
      return nothing();
    },
    run: () => perform(stage.faulty, 'CreateKey', {}),
    check: async (_nothing, done) => {
      const made = await stage.ids('select key_id as id from kms_key');
      isIn(made.length, done, { before: 0, after: 1 });
      for (const keyId of made) await stage.expectWorks({ keyId, blobs: [] });
    },
  },
  {
    what: 'RotateKeyOnDemand',
    prepare: () => stage.sealedKey(),
    run: ({ keyId }) => perform(stage.faulty, 'RotateKeyOnDemand', { KeyId: keyId }),
    check: async (subject, done) => isIn(await materialsOf(subject), done, { before: 1, after: 2 }),
  },
  {
    what: 'The rotation of a key that rotates by itself',
    prepare: async () => {
      const subject = await stage.sealedKey();
      await perform(stage.healthy, 'EnableKeyRotation', { KeyId: subject.keyId });
      await stage.sql(
        `update kms_key set next_rotation_at = now() - interval '1 s' where key_id = $1`,
        subject.keyId,
      );
      return subject;
    },
    run: ({ keyId: subject }) =>
      jobsOf(stage.faulty).rotateKey.run({ subject, clockOffsetSeconds: 0 }),
    // Where the fault prevented it, the clean-up has done it: once.
    check: async (subject) => expect(await materialsOf(subject)).toBe(2),
  },
  {
    what: 'The deletion of a key whose date has come',
    prepare: async () => {
      const subject = await stage.sealedKey();
      await perform(stage.healthy, 'RotateKeyOnDemand', { KeyId: subject.keyId });
      await perform(stage.healthy, 'ScheduleKeyDeletion', { KeyId: subject.keyId });
      await stage.sql(
        `update kms_key set deletion_date = now() - interval '1 s' where key_id = $1`,
        subject.keyId,
      );
      return subject;
    },
    run: ({ keyId: subject }) =>
      jobsOf(stage.faulty).deleteKey.run({ subject, clockOffsetSeconds: 0 }),
    check: async (subject) => {
      expect(await stage.keyOf(subject)).toBeUndefined();
      expect(await stage.sql('select from key_material where key_id = $1', subject.keyId)).toEqual(
        [],
      );
      const records = `select from audit_record where record like '%"DeleteKey"%' || $1 || '%'`;
      expect(await stage.sql(records, subject.keyId)).toHaveLength(1);
    },
  },
  {
    what: 'The making of a sealing key',
    prepare: nothing,
    run: () =>
      inTransaction(stage.database, (transaction) =>
        new Sealing(stage.faulty.services.token, 'session-sealing').createKey(
          stage.database,
          transaction,
        ),
      ),
    check: nothing,
  },
  {
    what: 'The making of a wrapping key',
    prepare: nothing,
    run: () =>
      undoneOnFailure(stage.faulty, async (transaction, undo) => {
        const parts = { ...stage.faulty.services, database: stage.database };
        await lockWrappingKeys(transaction);
        await createWrappingKey(parts, transaction, { exportable: false, undo });
        await transaction.commit();
      }),
    check: async () => {
      const current = await stage.ids(
        `select wrapping_key_id as id from wrapping_key where state = 'CURRENT'`,
      );
      for (const id of current) await generateWrappedAes(stage.site.token, id);
    },
  },
];

/** Each of its attempts generates an RSA pair, which takes its time: two of the four faults. */
const rsa = createPair('RSA_2048', 'SIGN_VERIFY');
const rsaFaults = ['is done, and its answer is lost', 'is done, and its worker is killed'] as const;

const cases: readonly (Scenario & { readonly fault: Fault })[] = [
  ...scenarios.flatMap((scenario) =>
    (Object.keys(faults) as Fault[]).map((fault) => ({ ...scenario, fault })),
  ),
  ...rsaFaults.map((fault) => ({ ...rsa, fault })),
];

test.each(cases)(
  '$what leaves token and database in agreement when any one of its calls $fault',
  async ({ fault, ...scenario }) => {
    const failed = await stage.failEveryCall(scenario, fault);
    // Were they fewer, something would be done without being looked at here.
    expect(failed).toContain('commit');
    expect(failed.length).toBeGreaterThanOrEqual(6);
  },
);
