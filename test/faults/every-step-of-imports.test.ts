import { randomBytes } from 'node:crypto';
import { type Fault, faults } from '../support/fault-point';
import {
  type FaultStage,
  type Scenario,
  type Subject,
  jobsOf,
  openFaultStage,
} from '../support/fault-stage';
import { generateAes } from '../support/generated-keys';
import { wrapMaterial } from '../support/imports';
import { perform } from '../support/site';

/** As every-step.test.ts, for material that customers bring and take away. */
jest.setTimeout(120_000);

const algorithm = 'RSAES_OAEP_SHA_256';
const material = randomBytes(32);

let stage: FaultStage;
let parameters: { readonly ImportToken: string; readonly PublicKey: string };
let keyId: string;

const forImport = { WrappingAlgorithm: algorithm, WrappingKeySpec: 'RSA_2048' };

async function externalKey(): Promise<string> {
  const made = await perform<{ KeyMetadata: { KeyId: string } }>(stage.healthy, 'CreateKey', {
    Origin: 'EXTERNAL',
  });
  return made.KeyMetadata.KeyId;
}

// One pair of keys for all imports: making one takes longer than everything else here.
beforeAll(async () => {
  stage = await openFaultStage();
  keyId = await externalKey();
  parameters = await perform(stage.healthy, 'GetParametersForImport', {
    ...{ KeyId: keyId, ...forImport },
  });
});
afterAll(async () => {
  await stage.clear();
  await stage.site.close();
});

function importMaterial(worker: FaultStage['healthy'], terms: object = {}): Promise<unknown> {
  const publicKey = Buffer.from(parameters.PublicKey, 'base64');
  return perform(worker, 'ImportKeyMaterial', {
    KeyId: keyId,
    ImportToken: parameters.ImportToken,
    EncryptedKeyMaterial: wrapMaterial(algorithm, publicKey, material).toString('base64'),
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    ...terms,
  });
}

/** As it was made. */
async function emptied(): Promise<Subject> {
  const ids = await stage.ids('select material_id as id from key_material');
  await stage.sql(`update kms_key set current_material_id = null, state = 'PendingImport'`);
  await stage.sql('delete from key_material');
  for (const id of ids) await stage.site.token.destroyKey(id);
  return { keyId, blobs: [] };
}

async function imported(terms: object = {}): Promise<Subject> {
  await emptied();
  await importMaterial(stage.healthy, terms);
  const key = await stage.keyOf({ keyId });
  if (key === undefined) throw new Error('the key is gone');
  return { keyId, blobs: [await stage.encrypt(key)] };
}

async function deleted(): Promise<Subject> {
  const subject = await imported();
  await perform(stage.healthy, 'DeleteImportedKeyMaterial', { KeyId: keyId });
  return subject;
}

/** It works, or it waits for its material and works with that. */
async function stateOf(subject: Subject): Promise<string> {
  const key = await stage.keyOf(subject);
  if (key?.state === 'PendingImport') await importMaterial(stage.healthy);
  await stage.expectWorks(subject);
  return key?.state ?? 'gone';
}

function isOneOf(state: string, done: boolean, states: { before: string; after: string }): void {
  expect(done ? [states.after] : [states.before, states.after]).toContain(state);
}

const expiring = {
  ExpirationModel: 'KEY_MATERIAL_EXPIRES',
  ValidTo: Date.now() / 1000 + 24 * 3600,
};

const scenarios: readonly Scenario[] = [
  {
    what: 'GetParametersForImport',
    prepare: () => Promise.resolve({ keyId, blobs: [] }),
    run: () => perform(stage.faulty, 'GetParametersForImport', { KeyId: keyId, ...forImport }),
    check: async () => {
      const kept = await stage.ids(
        'select token_key_id as id from doomed_object order by due_at limit 1',
      );
      await stage.sql(
        `update doomed_object set due_at = now() where not token_key_id = any($1::text[])`,
        kept,
      );
      await stage.cleanUp(0);
      const pairs = await stage.site.token.listObjects('claviger:import:');
      expect(pairs.map(({ id }) => id)).toEqual(kept);
    },
  },
  {
    what: 'ImportKeyMaterial',
    prepare: emptied,
    run: () => importMaterial(stage.faulty),
    check: async (subject, done) =>
      isOneOf(await stateOf(subject), done, { before: 'PendingImport', after: 'Enabled' }),
  },
  {
    what: 'ImportKeyMaterial of material that was deleted',
    prepare: deleted,
    run: () => importMaterial(stage.faulty),
    check: async (subject, done) =>
      isOneOf(await stateOf(subject), done, { before: 'PendingImport', after: 'Enabled' }),
  },
  {
    what: 'DeleteImportedKeyMaterial',
    prepare: imported,
    run: () => perform(stage.faulty, 'DeleteImportedKeyMaterial', { KeyId: keyId }),
    check: async (subject, done) =>
      isOneOf(await stateOf(subject), done, { before: 'Enabled', after: 'PendingImport' }),
  },
  {
    what: 'The expiry of imported material',
    prepare: async () => {
      const subject = await imported(expiring);
      await stage.sql(`update key_material set valid_to = now() - interval '1 s'`);
      return subject;
    },
    run: async () => {
      const [subject = ''] = await stage.ids('select material_id as id from key_material');
      await jobsOf(stage.faulty).expireMaterial.run({ subject, clockOffsetSeconds: 0 });
    },
    // Where the fault prevented it, the clean-up has done it.
    check: async (subject) => expect(await stateOf(subject)).toBe('PendingImport'),
  },
  {
    what: 'The deletion of a key with imported material, and with some that was deleted before',
    prepare: async () => {
      const doomed = await externalKey();
      const ids = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')] as const;
      await stage.sql(
        `insert into key_material (material_id, key_id, kind, token_serial, state, ordinal, import_state)
         values ($2, $1, 'resident', $4, 'NON_CURRENT', 1, 'PENDING_IMPORT'), ($3, $1, 'resident', $4, 'CURRENT', 2, 'IMPORTED')`,
        ...[doomed, ...ids, stage.site.token.status().serial],
      );
      await generateAes(stage.site.token, ids[1], `claviger:key:${doomed}`);
      await stage.sql(
        `update kms_key set current_material_id = $2, state = 'PendingDeletion', deletion_date = now() - interval '1 s'
         where key_id = $1`,
        ...[doomed, ids[1]],
      );
      return { keyId: doomed, blobs: [] };
    },
    run: ({ keyId: subject }) =>
      jobsOf(stage.faulty).deleteKey.run({ subject, clockOffsetSeconds: 0 }),
    check: async (subject) => expect(await stage.keyOf(subject)).toBeUndefined(),
  },
];

const cases = scenarios.flatMap((scenario) =>
  (Object.keys(faults) as Fault[]).map((fault) => ({ ...scenario, fault })),
);

test.each(cases)(
  '$what leaves token and database in agreement when any one of its calls $fault',
  async ({ fault, ...scenario }) => {
    const failed = await stage.failEveryCall(scenario, fault);
    // Were they fewer, something would be done without being looked at here.
    expect(failed).toContain('commit');
    expect(failed.length).toBeGreaterThanOrEqual(6);
  },
);
