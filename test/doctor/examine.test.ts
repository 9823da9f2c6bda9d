import { randomBytes, randomUUID } from 'node:crypto';
import { inTransaction } from '../../src/db';
import { examineDatabase, examineToken } from '../../src/doctor/examine';
import type { Finding } from '../../src/doctor/finding';
import { doom } from '../../src/keys/doomed-objects';
import { Materials } from '../../src/keys/materials';
import { KeyStore } from '../../src/keys/store';
import { defaultKeyPolicy } from '../../src/policy/compile';
import { type Vault, openVault } from '../support/access-keys';
import { generateAes } from '../support/generated-keys';
import { administer } from '../support/postgres';
import { accountId, place } from '../support/sample-keys';

let vault: Vault;
let serial: string;
const keys = new KeyStore(place);
const hour = 3600;

beforeAll(async () => {
  vault = await openVault();
  await vault.issue(accountId, false);
  serial = vault.token.status().serial;
});
afterAll(() => vault.remove());
afterEach(async () => {
  await sql(
    'with a as (delete from job_attempt), d as (delete from doomed_object) delete from kms_key',
  );
  for (const id of await vault.token.listKeys('claviger:key:')) await vault.token.destroyKey(id);
  await sql('update account set key_count = 0');
});

const sql = (text: string, ...values: readonly unknown[]): Promise<object[]> =>
  administer(vault.url, text, values);
const newId = (): string => randomBytes(32).toString('hex');

async function findings(): Promise<Finding[]> {
  const patient = { ...vault, encryptionLimit: 2 ** 32 };
  return [...(await examineDatabase(patient)), ...(await examineToken(patient))];
}

/** Without what mends them. */
async function found(): Promise<Omit<Finding, 'repair'>[]> {
  return (await findings()).map(({ kind, subject, details }) => ({ kind, subject, details }));
}

async function createKey(): Promise<{ keyId: string; id: string }> {
  const made = await inTransaction(vault.database, async (transaction) => {
    const inserted = await keys.insert(transaction, {
      ...{ keyId: randomUUID(), accountId, description: '', keySpec: 'SYMMETRIC_DEFAULT' },
      ...{ keyUsage: 'ENCRYPT_DECRYPT', policy: defaultKeyPolicy(place, accountId), tags: [] },
    });
    const materials = new Materials({ ...vault, keys, storage: 'resident' });
    return materials.create(transaction, inserted, { undo: () => undefined });
  });
  await sql('update account set key_count = (select count(*) from kms_key)');
  return { keyId: made.keyId, id: made.currentMaterial?.id ?? '' };
}

test('of a store in order nothing is said', async () => {
  await createKey();
  expect(await found()).toEqual([]);
});

describe('an object of the token', () => {
  test('that nothing names is found, and is destroyed seven days after the repair', async () => {
    const id = newId();
    await generateAes(vault.token, id, 'claviger:key:lost');
    const [finding, ...others] = await findings();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      ...{ kind: 'orphan-object', subject: id },
      details: { label: 'claviger:key:lost', object: 'secret-key', serial },
    });
    expect(await finding?.repair?.()).toBe(
      'entered into doomed_object: destroyed in 7 days, unless something names it by then',
    );
    expect(await found()).toEqual([]);
    expect(await vault.token.listKeys('claviger:key:')).toEqual([id]);
    const within = `select from doomed_object where token_key_id = $1 and kind = 'secret-key'
      and due_at between now() + interval '167 hours' and now() + interval '168 hours'`;
    expect(await sql(within, id)).toHaveLength(1);
  });

  test('that is the material of a key that is there, whose row was lost, is left alone', async () => {
    const { keyId, id } = await createKey();
    await sql('update kms_key set current_material_id = null where current_material_id = $1', id);
    await sql('delete from key_material where material_id = $1', id);
    const orphan = (await findings()).find(({ kind }) => kind === 'orphan-object');
    expect(orphan).toMatchObject({ subject: id, details: { ofLivingKey: keyId } });
    expect(orphan?.repair).toBeUndefined();
    await vault.token.destroyKey(id);
  });

  test('that is entered as doomed, or whose name is another program’s, is none of that', async () => {
    const [doomed, other] = [newId(), newId()];
    const object = { tokenKeyId: doomed, tokenSerial: serial, kind: 'secret-key' } as const;
    await doom(vault.database, { ...object, dueInSeconds: hour });
    await generateAes(vault.token, doomed, 'claviger:key:under way');
    await generateAes(vault.token, other, 'another program');
    expect(await found()).toEqual([]);
    await vault.token.destroyKey(other);
  });

  test('beside sealing keys of another installation is foreign, and is not repaired', async () => {
    const [id, sealing] = [newId(), newId()];
    await generateAes(vault.token, id, 'claviger:key:theirs');
    await generateAes(vault.token, sealing, 'claviger:session-sealing');
    const all = await findings();
    expect(all.map(({ kind }) => kind)).toEqual(['foreign-object', 'foreign-object']);
    expect(all.map(({ subject }) => subject).sort()).toEqual([id, sealing].sort());
    expect(all.every(({ repair }) => repair === undefined)).toBe(true);
    await vault.token.destroyKey(sealing);
  });

  test('of a key whose change has not ended is none of that', async () => {
    const open = await vault.database.begin();
    const inserted = await keys.insert(open, {
      ...{ keyId: randomUUID(), accountId, description: '', keySpec: 'SYMMETRIC_DEFAULT' },
      ...{ keyUsage: 'ENCRYPT_DECRYPT', policy: defaultKeyPolicy(place, accountId), tags: [] },
    });
    const materials = new Materials({ ...vault, keys, storage: 'resident' });
    await materials.create(open, inserted, { undo: () => undefined });
    // Ended in any case: what is left open holds up the tests that follow.
    const underWay = await found().finally(() => open.rollback());
    expect(underWay).toEqual([]);
    expect(await found()).toEqual([]);
  });

  test('that is a pair of keys, and was not entered, is found as one', async () => {
    const [id, entered] = [newId(), newId()];
    const object = { tokenSerial: serial, kind: 'key-pair' } as const;
    await doom(vault.database, { ...object, tokenKeyId: entered, dueInSeconds: hour });
    for (const pair of [id, entered]) {
      await vault.token.generateImportKeyPair(pair, `claviger:import:${pair}`, { bits: 2048 });
    }
    const [finding, ...others] = await findings();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      ...{ kind: 'orphan-object', subject: id },
      details: { label: `claviger:import:${id}`, object: 'key-pair', serial },
    });
    await finding?.repair?.();
    expect(await found()).toEqual([]);
    const doomed = await sql(`select from doomed_object where kind = 'key-pair'`);
    expect(doomed).toHaveLength(2);
    for (const pair of [id, entered]) await vault.token.destroyKeyPair(pair);
  });

  test('that has the id of another of its kind is found, be it a secret or a private key', async () => {
    const [secret, pair, both] = [newId(), newId(), newId()];
    const [aKey, aPair] = [{ kind: 'secret-key' as const }, { kind: 'key-pair' as const }];
    const objects = [
      ...[aKey, aKey].map((object) => ({ ...object, id: secret, label: 'claviger:key:1' })),
      ...[aPair, aPair].map((object) => ({ ...object, id: pair, label: 'claviger:key:2' })),
      ...[aKey, aPair].map((object) => ({ ...object, id: both, label: 'claviger:key:3' })),
    ];
    const listing = jest.spyOn(vault.token, 'listObjects').mockResolvedValue(objects);
    const all = await found();
    listing.mockRestore();
    expect(all.filter(({ kind }) => kind === 'duplicate-object')).toEqual([
      {
        ...{ kind: 'duplicate-object', subject: secret },
        details: { objects: 2, object: 'secret-key', serial },
      },
      {
        ...{ kind: 'duplicate-object', subject: pair },
        details: { objects: 2, object: 'key-pair', serial },
      },
    ]);
  });

  test('that was to be destroyed more than an hour ago is found, and destroyed', async () => {
    const [due, elsewhere, soon] = [newId(), newId(), newId()];
    const enter = (tokenKeyId: string, tokenSerial: string, dueInSeconds: number): Promise<void> =>
      doom(vault.database, { tokenKeyId, tokenSerial, kind: 'secret-key', dueInSeconds });
    await generateAes(vault.token, due, 'claviger:key:due');
    await enter(due, serial, -2 * hour);
    await enter(elsewhere, 'elsewhere', -2 * hour);
    await enter(soon, serial, -60);
    const all = await findings();
    expect(all.map(({ kind, subject }) => [kind, subject]).sort()).toEqual(
      [
        ['overdue-object', due],
        ['overdue-object', elsewhere],
      ].sort(),
    );
    expect(all.find(({ subject }) => subject === elsewhere)?.repair).toBeUndefined();
    expect(await all.find(({ subject }) => subject === due)?.repair?.()).toBe(
      'destroyed, unless something names it',
    );
    expect(await vault.token.listKeys('claviger:key:')).toEqual([]);
    expect((await found()).map(({ subject }) => subject)).toEqual([elsewhere]);
  });
});

describe('a row whose object is not in the token', () => {
  test('is found for a material, and not for one that waits to be imported again', async () => {
    const key = await createKey();
    await vault.token.destroyKey(key.id);
    expect(await found()).toEqual([
      {
        ...{ kind: 'missing-object', subject: key.id },
        details: { what: 'material', of: key.keyId, serial },
      },
    ]);
    await sql(
      `with k as (update kms_key set origin = 'EXTERNAL', state = 'PendingImport')
       update key_material set import_state = 'PENDING_IMPORT'`,
    );
    expect(await found()).toEqual([]);
  });

  test('is found for a key of the system', async () => {
    const id = newId();
    const insert =
      'insert into system_key (purpose, token_key_id, token_serial) values ($1, $2, $3)';
    await sql(insert, 'testing', id, serial);
    expect(await found()).toEqual([
      {
        ...{ kind: 'missing-object', subject: id },
        details: { what: 'system-key', of: 'testing', serial },
      },
    ]);
    await sql(`delete from system_key where purpose = 'testing'`);
  });

  test('is found for a wrapping key that is current, or that wraps something', async () => {
    const [current, old, unused] = [newId(), newId(), newId()];
    const insert =
      'insert into wrapping_key (wrapping_key_id, state, exportable) values ($1, $2, false)';
    await sql(insert, current, 'CURRENT');
    await sql(insert, old, 'RETIRED');
    await sql(insert, unused, 'RETIRED');
    const { id } = await createKey();
    await sql(
      `update key_material set kind = 'wrapped', token_serial = null, wrapping_key_id = $1,
         wrapped = decode(repeat('00', 40), 'hex')`,
      old,
    );
    await vault.token.destroyKey(id);
    const missing = (await found()).map(({ kind, subject }) => [kind, subject]).sort();
    expect(missing).toEqual(
      [
        ['missing-object', current],
        ['missing-object', old],
      ].sort(),
    );
    await sql('delete from kms_key');
    await sql('delete from wrapping_key');
  });

  test('is told by token, where that has another serial number', async () => {
    await createKey();
    await createKey();
    await sql(`update key_material set token_serial = 'elsewhere'`);
    expect(await found()).toEqual([
      { kind: 'other-token', subject: 'elsewhere', details: { objects: 2, serial } },
    ]);
  });
});

describe('a key', () => {
  const about = { account: accountId, origin: 'AWS_KMS' };
  const external = `update kms_key set origin = 'EXTERNAL', state = $1`;
  const imported = 'update key_material set import_state = $1';

  test('that is enabled without material is found', async () => {
    const { keyId } = await createKey();
    await sql('update kms_key set current_material_id = null');
    await sql('delete from key_material');
    expect((await found())[0]).toEqual({
      ...{ kind: 'key-without-material', subject: keyId },
      details: { missing: 1, ...about, state: 'Enabled' },
    });
  });

  test('whose current material is marked as another is found', async () => {
    const { keyId, id } = await createKey();
    await sql(`update key_material set state = 'NON_CURRENT'`);
    expect(await found()).toEqual([
      {
        ...{ kind: 'current-material', subject: keyId },
        details: { key: id, materials: 'none', ...about, state: 'Enabled' },
      },
    ]);
  });

  test.each([
    ['Enabled', 'PENDING_IMPORT', 'key-without-material'],
    ['Disabled', 'PENDING_IMPORT', 'key-without-material'],
    ['PendingImport', 'IMPORTED', 'key-not-enabled'],
    ['PendingImport', 'PENDING_IMPORT', undefined],
    ['Enabled', 'IMPORTED', undefined],
  ])(
    'of imported material that is %s with one that is %s: %s',
    async (state, import_state, kind) => {
      const { keyId } = await createKey();
      await sql(external, state);
      await sql(imported, import_state);
      const ofKeys = (await found()).filter(({ subject }) => subject === keyId);
      expect(ofKeys.map((one) => one.kind)).toEqual(kind === undefined ? [] : [kind]);
    },
  );

  test('whose material has made nearly all its encryptions is found', async () => {
    const [busy, idle] = [await createKey(), await createKey()];
    const insert = 'insert into encryption_count (material_id, reserved) values ($1, $2)';
    await sql(insert, busy.id, 3_900_000_000);
    await sql(insert, idle.id, 3_800_000_000);
    expect(await found()).toEqual([
      {
        ...{ kind: 'encryption-limit', subject: busy.keyId },
        details: { material: busy.id, encryptions: 3_900_000_000, limit: 4_294_967_296 },
      },
    ]);
  });
});

test('an external key whose KMS key ends, or is gone, is found', async () => {
  const [ending, kept] = [await createKey(), await createKey()];
  await sql(
    `insert into xks_store (prefix, account_id, region) values ('/a', $1, 'us-east-1')`,
    accountId,
  );
  const insert = `
    insert into xks_key (prefix, external_key_id, key_id, usages, status) values ('/a', $1, $2, '{DECRYPT}', $3)`;
  await sql(insert, 'ending', ending.keyId, 'ENABLED');
  await sql(insert, 'kept', kept.keyId, 'ENABLED');
  await sql(insert, 'lost', null, 'DISABLED');
  await sql(insert, 'left', null, 'DELETED');
  await sql(
    `update kms_key set state = 'PendingDeletion', deletion_date = '2100-01-01T00:00:00Z' where key_id = $1`,
    ending.keyId,
  );
  const kind = 'ending-external-key';
  expect(await found()).toEqual([
    {
      ...{ kind, subject: '/a:ending' },
      details: { key: ending.keyId, deletion: '2100-01-01T00:00:00.000Z' },
    },
    { kind, subject: '/a:lost', details: { key: 'gone' } },
  ]);
  await sql('delete from xks_store');
});

test('an account whose keys are counted wrongly is found, and counted anew', async () => {
  await createKey();
  await sql('update account set key_count = 7');
  const [finding, ...others] = await findings();
  expect(others).toEqual([]);
  expect(finding).toMatchObject({
    ...{ kind: 'key-count', subject: accountId },
    details: { noted: 7, counted: 1 },
  });
  expect(await finding?.repair?.()).toBe('counted anew: 1 keys');
  expect(await found()).toEqual([]);
});

describe('timed work', () => {
  test('that is long overdue is found, and what has just become due is not', async () => {
    const { keyId } = await createKey();
    const doomed = `update kms_key set state = 'PendingDeletion', deletion_date = now() - $1::interval where key_id = $2`;
    await sql(doomed, '1 minute', keyId);
    expect(await found()).toEqual([]);
    await sql(doomed, '2 hours', keyId);
    expect(await found()).toEqual([
      { kind: 'overdue-work', subject: 'delete-key', details: { rows: 1 } },
    ]);
  });

  test('that fails again and again is found; a second attempt, or one of long ago, tells nothing', async () => {
    const attempt = `insert into job_attempt (job, subject, due_at, attempts, retry_at)
      values ('delete-key', $1, now(), $2, now() + $3::interval)`;
    await sql(attempt, 'often', 3, '1 hour');
    await sql(attempt, 'twice', 2, '1 hour');
    await sql(attempt, 'formerly', 9, '-3 hours');
    expect(await found()).toMatchObject([
      { kind: 'failing-work', subject: 'delete-key often', details: { attempts: 3 } },
    ]);
  });
});
