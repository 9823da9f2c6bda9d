import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { CreateKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { Client } from 'pg';
import { openToken } from '../../hsm';
import { type TestDaemon, commandLine, startDaemon } from '../support/daemon';
import { obstruct } from '../support/deletion';
import { type SealedKey, broken, createSealedKey, encrypt, open, plaintext } from '../support/keys';
import { startLoad } from '../support/load';
import { administer, lockWaiters } from '../support/postgres';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';

jest.setTimeout(90_000);

let daemon: TestDaemon;
let kms: KMSClient;
let sealed: SealedKey;
beforeAll(async () => {
  const environment = {
    ...{ CLAVIGER_KEY_MATERIAL: 'wrapped', CLAVIGER_JOB_INTERVAL_MS: '100' },
    // A statement that a test holds up must not end by itself.
    CLAVIGER_DATABASE_STATEMENT_TIMEOUT_MS: '60000',
  };
  daemon = await startDaemon({ workers: 2, environment });
  kms = daemon.client();
  sealed = await createSealedKey(kms);
});
afterAll(() => daemon.remove());

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [commandLine, 'wrapping-key', ...args], {
    env: daemon.environment,
  });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const ended = once(child, 'close').then(([code]) => ({
    code: code as number | null,
    out: Buffer.concat(out).toString(),
    err: Buffer.concat(err).toString(),
  }));
  return { child, ended };
}

const wrappingKey = (...args: string[]): Promise<Ended> => start(args).ended;

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await wrappingKey(...args, '--json');
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as Record<string, unknown>;
}

interface Listed {
  readonly WrappingKeyId: string;
  readonly State: string;
  readonly Exportable: boolean;
  readonly KeyMaterials: number;
}

async function list(): Promise<Listed[]> {
  const { out } = await wrappingKey('list', '--json');
  return out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Listed);
}

const current = async (): Promise<string> =>
  (await list()).find(({ State }) => State === 'CURRENT')?.WrappingKeyId ?? '';

async function inToken(): Promise<string[]> {
  const token = await openToken(tokenOptions(daemon.token));
  try {
    return await token.listKeys('claviger:wrapping:');
  } finally {
    await token.close();
  }
}

async function refused(...args: string[]): Promise<string> {
  const { code, out, err } = await wrappingKey(...args);
  expect([code, out]).toEqual([1, '']);
  expect(err).toMatch(/^[^\n]+\n$/);
  return err.trimEnd();
}

test('list shows each key as a table, and as JSON', async () => {
  const [only] = await list();
  expect(only).toEqual({
    WrappingKeyId: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    ...{ State: 'CURRENT', Exportable: false, KeyMaterials: 1, SystemKeys: 7 },
    CreationDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
  });
  const { out, err, code } = await wrappingKey('list');
  expect([code, err]).toEqual([0, '']);
  const [heading, line] = out.trimEnd().split('\n');
  expect(heading).toMatch(/^WRAPPING KEY +STATE +EXPORTABLE +CREATED +KEY MATERIALS +SYSTEM KEYS$/);
  expect(line).toMatch(new RegExp(`^${only?.WrappingKeyId} +CURRENT +no +\\S+Z +1 +7$`));
});

test('create makes the first only', async () => {
  const message = `claviger: the wrapping key ${await current()} is current already: \`claviger wrapping-key rotate\` puts another in its place`;
  expect(await refused('create')).toBe(message);
  expect(await inToken()).toHaveLength(1);
});

test.each(['nonsense', '', 'ab'.repeat(31), 'AB'.repeat(32), "'; drop table wrapping_key --"])(
  'an id that is none is refused: %j',
  async (id) => {
    const message = `claviger: ${JSON.stringify(id)} is no id of a wrapping key: it has 64 hexadecimal digits`;
    expect(await refused('destroy', id, '--yes')).toBe(message);
  },
);

test('one that is not there is not destroyed, nor exported', async () => {
  const id = '00'.repeat(32);
  expect(await refused('destroy', id, '--yes')).toBe(`claviger: there is no wrapping key ${id}`);
});

test('one that wraps something is not destroyed', async () => {
  const id = await current();
  expect(await refused('destroy', id, '--yes')).toMatch(
    new RegExp(
      `^claviger: \\d+ key materials and 7 keys of the system are wrapped by ${id}: \`claviger wrapping-key rotate\` puts them under another first$`,
    ),
  );
});

test('rotate puts everything under another key, while running daemons serve', async () => {
  const before = await current();
  const load = startLoad(() => kms.send(encrypt(sealed.keyId)));
  await load.served(20);
  const { code, out, err } = await wrappingKey('rotate');
  await load.served(20);
  await load.stop();
  const after = await current();
  expect([code, out]).toEqual([
    0,
    `made the wrapping key ${after} and put 1 key materials under it\n`,
  ]);
  expect(err).toBe('key materials re-wrapped: 1 of 1\n');
  expect(Object.keys(load.counts())).toEqual(['ok']);
  expect(await list()).toMatchObject([
    { WrappingKeyId: before, State: 'RETIRED', KeyMaterials: 0 },
    { WrappingKeyId: after, State: 'CURRENT', KeyMaterials: 1 },
  ]);
  expect(await open(kms, sealed.blob)).toEqual(plaintext);
  const fresh = await createSealedKey(kms);
  expect((await list()).map(({ KeyMaterials }) => KeyMaterials)).toEqual([0, 2]);
  expect(await broken([daemon.client(), daemon.client()], [fresh.keyId, sealed.keyId])).toEqual([]);
});

test('destroy warns of backups first; running daemons go on, whatever they had read', async () => {
  const retired = (await list()).find(({ State }) => State === 'RETIRED')?.WrappingKeyId ?? '';
  expect(await refused('destroy', retired)).toBe(
    `claviger: backups of the database from before the last rotation need the wrapping key ${retired}: with it gone, what it wrapped in them can never be used again. --yes destroys it`,
  );
  expect(await inToken()).toContain(retired);
  expect(await json('destroy', retired, '--yes')).toEqual({ WrappingKeyId: retired });
  expect(await inToken()).toEqual([await current()]);
  for (const client of [daemon.client(), daemon.client()]) {
    expect(await open(client, sealed.blob)).toEqual(plaintext);
  }
  await until('the job has done with the object', async () => {
    return (await administer(daemon.databaseUrl, 'select from doomed_object')).length === 0;
  });
});

describe('rotate that is killed in the middle', () => {
  test('is gone on with, serves throughout, and makes no second key', async () => {
    const keyIds: string[] = [];
    // Not all at once: each waits for its turn at the token, and not for ever.
    while (keyIds.length < 250) {
      const made = await Promise.all(
        Array.from({ length: 25 }, () => kms.send(new CreateKeyCommand({}))),
      );
      keyIds.push(...made.map(({ KeyMetadata }) => KeyMetadata?.KeyId ?? ''));
    }
    const materials = await administer<{ id: string }>(
      daemon.databaseUrl,
      'select material_id as id from key_material order by material_id',
    );
    // The first 200 rows are one transaction. In the second it stumbles.
    const obstacle = await obstruct(
      daemon.databaseUrl,
      `create trigger stumble before update on key_material for each row
         when (old.material_id > '${materials[199]?.id}') execute function stumble()`,
    );
    const before = await current();
    const rotating = start(['rotate']);
    await obstacle.reached();
    rotating.child.kill('SIGKILL');
    await rotating.ended;
    // A statement whose client is gone would go on when it is let go.
    await administer(
      daemon.databaseUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'`,
    );
    await obstacle.release();
    const after = await current();
    const left = materials.length - 200;
    expect(await list()).toMatchObject([
      { WrappingKeyId: before, State: 'RETIRED', KeyMaterials: left },
      { WrappingKeyId: after, State: 'CURRENT', KeyMaterials: 200 },
    ]);
    const some = keyIds.filter((_, at) => at % 25 === 0);
    expect(await broken([daemon.client(), daemon.client()], some)).toEqual([]);

    expect(await json('rotate', '--exportable')).toEqual({
      ...{ WrappingKeyId: after, State: 'CURRENT', Resumed: true, KeyMaterials: left },
    });
    expect(await list()).toMatchObject([
      { WrappingKeyId: before, State: 'RETIRED', KeyMaterials: 0 },
      { WrappingKeyId: after, State: 'CURRENT', KeyMaterials: materials.length },
    ]);
    await json('destroy', before, '--yes');
    expect(await broken([daemon.client(), daemon.client()], some)).toEqual([]);
  });

  test('and one that is done begins another', async () => {
    const before = await current();
    const rotated = await json('rotate');
    expect(rotated).toMatchObject({ State: 'CURRENT', Resumed: false });
    expect(rotated['WrappingKeyId']).not.toBe(before);
    expect(await open(kms, sealed.blob)).toEqual(plaintext);
  });
});

test('material that does not unwrap is named and stays; everything else is moved', async () => {
  const damaged = await createSealedKey(kms);
  await administer(
    daemon.databaseUrl,
    `update key_material set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) where key_id = $1`,
    [damaged.keyId],
  );
  const { code, err } = await wrappingKey('rotate');
  expect(code).toBe(1);
  const [row] = await administer<{ id: string }>(
    daemon.databaseUrl,
    'select material_id as id from key_material where key_id = $1',
    [damaged.keyId],
  );
  expect(err.split('\n').at(-2)).toBe(
    `claviger: all but 1 key materials are under ${await current()}; these do not unwrap and stay as they are: ${damaged.keyId} (${row?.id})`,
  );
  const counts = (await list()).map(({ KeyMaterials }) => KeyMaterials);
  expect(counts.at(-2)).toBe(1);
  expect(counts.at(-1)).toBeGreaterThan(250);
  expect(await open(kms, sealed.blob)).toEqual(plaintext);
  await administer(daemon.databaseUrl, 'delete from kms_key where key_id = $1', [damaged.keyId]);
});

test('a row that somebody holds is waited for', async () => {
  const holder = await daemonDatabaseHolding(sealed.keyId);
  const rotating = start(['rotate', '--json']);
  await until('rotate waits for the row', async () => {
    return (await lockWaiters(daemon.databaseUrl)) > 0;
  });
  await holder.release();
  const { code, err } = await rotating.ended;
  expect([code, err.includes('claviger:')]).toEqual([0, false]);
  expect((await list()).at(-2)).toMatchObject({ State: 'RETIRED', KeyMaterials: 0 });
});

async function daemonDatabaseHolding(keyId: string): Promise<{ release(): Promise<void> }> {
  const client = new Client({ connectionString: daemon.databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query('select from key_material where key_id = $1 for update', [keyId]);
  return { release: () => client.end() };
}
