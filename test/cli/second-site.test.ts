import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { requiredMechanisms } from '../../hsm';
import { openDatabase } from '../../src/db';
import { removeEntry } from '../../src/keys/doomed-objects';
import { lockWrappingKeys } from '../../src/keys/wrapping-keys';
import { type TestDaemon, commandLine, startDaemon } from '../support/daemon';
import { type SealedKey, broken, createSealedKey, open, plaintext } from '../support/keys';
import { type ClonedDatabase, administer, copyDatabase, lockWaiters } from '../support/postgres';
import { type SoftHsm, makeSoftHsm } from '../support/softhsm';
import { until } from '../support/until';

jest.setTimeout(120_000);

const patience = { statementTimeoutMs: 15_000, connectTimeoutMs: 15_000 };
const wrapped = { CLAVIGER_KEY_MATERIAL: 'wrapped' };

let first: TestDaemon;
let sealed: SealedKey;
let token: SoftHsm;
let copy: ClonedDatabase;
let home: string;
let wrappingKeyId: string;
beforeAll(async () => {
  first = await startDaemon({ environment: wrapped });
  sealed = await createSealedKey(first.client());
  home = await mkdtemp(path.join(tmpdir(), 'claviger-second-site-'));
  token = await makeSoftHsm({ mechanisms: requiredMechanisms });
});
afterAll(async () => {
  await first.remove();
  await Promise.all([copy.drop(), token.remove(), rm(home, { recursive: true })]);
});

const file = (name: string): string => path.join(home, name);

interface Failure {
  readonly stdout: string;
  readonly stderr: string;
}

/** `claviger wrapping-key …` at the second site: its own token, and a copy of the database. */
function second(...args: string[]): Promise<string> {
  return secondWith({}, ...args);
}

async function secondWith(different: NodeJS.ProcessEnv, ...args: string[]): Promise<string> {
  const env = { ...first.environment, ...environment(), ...different };
  const command = [commandLine, 'wrapping-key', ...args];
  return (await promisify(execFile)(process.execPath, command, { env })).stdout;
}

const environment = (): NodeJS.ProcessEnv => ({
  CLAVIGER_TOKEN_LABEL: token.label,
  CLAVIGER_TOKEN_PIN_FILE: token.pinFile,
  CLAVIGER_TOKEN_SERIAL: token.serial,
  DATABASE_URL: copy.url,
  SOFTHSM2_CONF: token.conf,
});

async function refused(running: Promise<unknown>): Promise<string> {
  const failure = await running.then(
    () => undefined,
    (thrown: unknown) => thrown as Failure,
  );
  expect(failure?.stdout).toBe('');
  return failure?.stderr.trimEnd().split('\n').at(-1) ?? '';
}

const firstSite = (...args: string[]): Promise<string> => first.run('wrapping-key', ...args);

test('a wrapping key that was made to stay is not exported, and one that may leave is made by rotation', async () => {
  const rotated = JSON.parse(await firstSite('rotate', '--exportable', '--json')) as {
    WrappingKeyId: string;
  };
  wrappingKeyId = rotated.WrappingKeyId;
  const [retired] = (await firstSite('list', '--json')).split('\n');
  const { WrappingKeyId: staying = '' } = JSON.parse(retired ?? '{}') as {
    WrappingKeyId?: string;
  };
  await first.stop();
  copy = await copyDatabase(first.databaseUrl);
  const printed = await second('prepare-import', '--out', file('public'));
  expect(printed).toMatch(/^fingerprint SHA256:[0-9a-f]{64}\n$/);
  expect((await stat(file('public'))).mode & 0o777).toBe(0o600);
  expect(await refused(firstSite('export', staying, '--to', file('public')))).toBe(
    `claviger: the wrapping key ${staying} was made to stay in its token: \`claviger wrapping-key rotate --exportable\` puts one in its place that may leave`,
  );
});

test('the pair that receives it is remembered, to be destroyed in seven days', async () => {
  const doomed = await administer<{ kind: string; days: number }>(
    copy.url,
    `select kind, round(extract(epoch from due_at - now()) / 86400)::int as days from doomed_object
     where kind = 'key-pair'`,
  );
  expect(doomed).toEqual([{ kind: 'key-pair', days: 7 }]);
});

test('a daemon whose token lacks the wrapping key does not start, and says what to do', async () => {
  const beside = { ...first, token, databaseUrl: copy.url };
  await expect(startDaemon({ beside, environment: wrapped })).rejects.toThrow(
    `the token ${token.label} (serial ${token.serial}) lacks the wrapping key ${wrappingKeyId}, without which this database cannot be served: bring it with \`claviger wrapping-key prepare-import\`, \`export\` where it is, and \`import\` (docs/operating.md)`,
  );
});

test('nor is anything rotated there', async () => {
  expect(await refused(second('rotate'))).toMatch(
    new RegExp(
      `^claviger: the token ${token.label} \\(serial ${token.serial}\\) lacks the wrapping key ${wrappingKeyId}, `,
    ),
  );
  const keys = (await second('list', '--json')).trimEnd().split('\n');
  expect(keys).toHaveLength(2);
});

test('what is no public key of prepare-import is refused', async () => {
  for (const text of [
    '',
    'nonsense',
    '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n',
  ]) {
    await writeFile(file('odd'), text);
    expect(await refused(firstSite('export', wrappingKeyId, '--to', file('odd')))).toBe(
      `claviger: ${file('odd')} is no public key that \`claviger wrapping-key prepare-import\` wrote`,
    );
  }
  const gone = file('nowhere');
  expect(await refused(firstSite('export', wrappingKeyId, '--to', gone))).toBe(
    `claviger: ${gone} cannot be read: ENOENT`,
  );
});

test('export writes a file that says what it is, and overwrites none', async () => {
  const args = ['export', wrappingKeyId, '--to', file('public'), '--out', file('key')];
  expect(await firstSite(...args)).toBe('');
  expect(JSON.parse(await readFile(file('key'), 'utf8'))).toEqual({
    ...{ kind: 'claviger-wrapping-key', version: 1, wrappingKeyId, algorithm: 'RSAES_OAEP' },
    transferKeyId: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    wrapped: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/) as string,
  });
  expect(await refused(firstSite(...args))).toBe(
    `claviger: ${file('key')} cannot be written: EEXIST`,
  );
});

describe('import refuses', () => {
  test.each([
    ['what is no JSON', () => 'nonsense', 'is nothing that `claviger wrapping-key export` wrote'],
    ['other JSON', () => '[1]', 'is nothing that `claviger wrapping-key export` wrote'],
    [
      'a later version',
      (text: string) => text.replace('"version": 1', '"version": 2'),
      'was written by another version, which this one cannot read',
    ],
    ['a damaged id', (text: string) => text.replace(wrappingKeyId, 'ab'), 'is damaged'],
    ['odd base64', (text: string) => text.replace(/"wrapped": "/, '"wrapped": "*'), 'is damaged'],
  ])('%s', async (_title, change, message) => {
    await writeFile(file('odd'), change(await readFile(file('key'), 'utf8')));
    expect(await refused(second('import', file('odd')))).toBe(
      `claviger: ${file('odd')} ${message}`,
    );
  });

  test('one that was changed on the way', async () => {
    const exported = JSON.parse(await readFile(file('key'), 'utf8')) as { wrapped: string };
    const bytes = Buffer.from(exported.wrapped, 'base64');
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    const text = JSON.stringify({ ...exported, wrapped: bytes.toString('base64') });
    await writeFile(file('odd'), text);
    expect(await refused(second('import', file('odd')))).toBe(
      'claviger: the file is damaged, or is for another key pair',
    );
  });

  test('one for a pair of another token', async () => {
    const text = await readFile(file('key'), 'utf8');
    await writeFile(file('odd'), text.replace(/("transferKeyId": ")[0-9a-f]{8}/, '$100000000'));
    expect(await refused(second('import', file('odd')))).toBe(
      'claviger: the key pair that this file is for is not in this token: it was prepared on another token, or its days are over',
    );
  });

  test('another key under the same name, which anybody could have made for the public key', async () => {
    const made = await makeSoftHsm({ mechanisms: requiredMechanisms });
    try {
      // A third site makes a wrapping key of its own, exports it to the pair, and calls it by the name of ours.
      const env = { ...first.environment, ...environment(), ...otherToken(made) };
      const third = async (...args: string[]): Promise<string> =>
        (
          await promisify(execFile)(process.execPath, [commandLine, 'wrapping-key', ...args], {
            env,
          })
        ).stdout;
      const impostors = await copyDatabase(copy.url);
      env['DATABASE_URL'] = impostors.url;
      try {
        await administer(
          impostors.url,
          'with m as (delete from key_material), s as (delete from system_key), k as (delete from kms_key) delete from wrapping_key',
        );
        const { WrappingKeyId: impostor } = JSON.parse(
          await third('create', '--exportable', '--json'),
        ) as { WrappingKeyId: string };
        const text = await third('export', impostor, '--to', file('public'));
        await writeFile(file('impostor'), text.replace(impostor, wrappingKeyId));
      } finally {
        await impostors.drop();
      }
    } finally {
      await made.remove();
    }
    expect(await refused(second('import', file('impostor')))).toBe(
      `claviger: the key in the file is not the wrapping key ${wrappingKeyId}: it does not open what the database has under that name`,
    );
  });

  const otherToken = (hsm: SoftHsm): NodeJS.ProcessEnv => ({
    CLAVIGER_TOKEN_LABEL: hsm.label,
    CLAVIGER_TOKEN_PIN_FILE: hsm.pinFile,
    CLAVIGER_TOKEN_SERIAL: hsm.serial,
    SOFTHSM2_CONF: hsm.conf,
  });
});

describe('a database that has nothing but keys of the system under the wrapping key', () => {
  test('tells it from another key under the same name, too', async () => {
    const bare = await copyDatabase(copy.url);
    try {
      await administer(bare.url, 'with m as (delete from key_material) delete from kms_key');
      expect(
        await refused(secondWith({ DATABASE_URL: bare.url }, 'import', file('impostor'))),
      ).toBe(
        `claviger: the key in the file is not the wrapping key ${wrappingKeyId}: it does not open what the database has under that name`,
      );
    } finally {
      await bare.drop();
    }
  });
});

test('an import whose entry another import has taken away by then says that somebody else imports it', async () => {
  const database = openDatabase({ url: copy.url, poolSize: 1, ...patience });
  // Between its entry and its own transaction an import waits for nobody: this makes it wait there.
  await administer(
    copy.url,
    `create function wait_for_other() returns trigger language plpgsql as $$
       begin perform pg_advisory_xact_lock(7); return old; end $$;
     create trigger waits before delete on doomed_object for each statement execute function wait_for_other()`,
  );
  const other = await database.begin();
  await other.query({ text: 'select pg_advisory_xact_lock(7)', values: [] });
  const importing = refused(second('import', file('key'), '--json'));
  await until('it has entered the key', async () => (await lockWaiters(copy.url)) === 1);
  const object = { tokenKeyId: wrappingKeyId, tokenSerial: token.serial };
  expect(await removeEntry(other, object)).toBe(true);
  await other.commit();
  expect(await importing).toBe(
    `claviger: the wrapping key ${wrappingKeyId} came to this token while it was imported: somebody else imports it too`,
  );
  await administer(copy.url, 'drop trigger waits on doomed_object; drop function wait_for_other()');
  await database.close();
});

test('two imports of it at once leave it in the token: whoever comes too late destroys nothing', async () => {
  const database = openDatabase({ url: copy.url, poolSize: 1, ...patience });
  const holder = await database.begin();
  await lockWrappingKeys(holder);
  const imports = [1, 2].map(() =>
    second('import', file('key'), '--json').then(
      (stdout): unknown => JSON.parse(stdout),
      (thrown: unknown) => (thrown as Failure).stderr.trimEnd().split('\n').at(-1),
    ),
  );
  await until(
    'both have found that it is not there',
    async () => (await lockWaiters(copy.url)) === 2,
  );
  await holder.rollback();
  await database.close();
  expect(new Set(await Promise.all(imports))).toEqual(
    new Set([
      { WrappingKeyId: wrappingKeyId, Imported: true, Proven: true },
      `claviger: the wrapping key ${wrappingKeyId} came to this token while it was imported: somebody else imports it too`,
    ]),
  );
  const entered = await administer(
    copy.url,
    `select from doomed_object where token_key_id = '${wrappingKeyId}'`,
  );
  expect(entered).toEqual([]);
});

test('after the import a second daemon opens what the first sealed, for the same callers, and the other way round', async () => {
  const beside = { ...first, token, databaseUrl: copy.url };
  const there = await startDaemon({ beside, environment: wrapped });
  try {
    const kms = there.client();
    expect(await open(kms, sealed.blob)).toEqual(plaintext);
    const fresh = await createSealedKey(kms);
    expect(await broken([kms], [fresh.keyId, sealed.keyId])).toEqual([]);
  } finally {
    await there.remove();
  }
});

test('imported again it is there already; the copy stays in its token', async () => {
  expect(await second('import', file('key'))).toBe(
    `the wrapping key ${wrappingKeyId} is in this token already\n`,
  );
  const again = ['export', wrappingKeyId, '--to', file('public')];
  expect(await refused(second(...again))).toContain('was made to stay in its token');
});
