import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requiredMechanisms } from '../../hsm';
import { type ClonedDatabase, administer, cloneDatabase, emptyDatabase } from '../support/postgres';
import { type SoftHsm, makeSoftHsm } from '../support/softhsm';

const commandLine = path.join(__dirname, '..', '..', 'src', 'cli', 'claviger.js');

let home: string;
let hsm: SoftHsm;
let cloned: ClonedDatabase;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'claviger-cli-'));
  hsm = await makeSoftHsm({ mechanisms: requiredMechanisms });
  cloned = await cloneDatabase();
  environment = {
    PATH: process.env['PATH'],
    CLAVIGER_DATA_DIR: home,
    CLAVIGER_PKCS11_MODULE: hsm.module,
    CLAVIGER_TOKEN_LABEL: hsm.label,
    CLAVIGER_TOKEN_PIN_FILE: hsm.pinFile,
    DATABASE_URL: cloned.url,
    SOFTHSM2_CONF: hsm.conf,
  };
});
afterAll(() => Promise.all([cloned.drop(), hsm.remove(), rm(home, { recursive: true })]));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function claviger(
  args: readonly string[],
  different: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const env = { ...environment, ...different };
  const child = spawn(process.execPath, [commandLine, ...args], { env });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
}

describe('help', () => {
  test('lists every command with a sentence, and needs no setting', async () => {
    const { code, out, err } = await claviger(['--help'], { DATABASE_URL: 'nonsense' });
    expect([code, err]).toEqual([0, '']);
    for (const command of [
      ...['serve', 'migrate', 'init', 'account', 'service', 'token', 'doctor', 'xks'],
    ]) {
      expect(out).toMatch(new RegExp(`^  ${command}( \\[\\w+\\])? +\\w+`, 'm'));
    }
  });

  test('of token inspect names its options', async () => {
    const { code, out } = await claviger(['token', 'inspect', '--help']);
    expect(code).toBe(0);
    for (const option of ['--json', '--custom-key-store <id>']) expect(out).toContain(option);
  });

  test('is shown, with exit code 1, when no command is given', async () => {
    const { code, out, err } = await claviger([]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^Usage: claviger /);
  });
});

describe('a failure is one line on standard error and exit code 1', () => {
  async function fails(
    args: readonly string[],
    different: NodeJS.ProcessEnv = {},
  ): Promise<string> {
    const { code, out, err } = await claviger(args, different);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^[^\n]+\n$/);
    return err.trimEnd();
  }

  test.each([
    [['nonsense'], "error: unknown command 'nonsense'"],
    [['serve', '--nonsense'], "error: unknown option '--nonsense'"],
    [['token', 'nonsense'], "error: unknown command 'nonsense'"],
    [['migrate', 'extra'], /^error: too many arguments/],
  ])('of the command line: %j', async (args, message) => {
    const line = await fails(args);
    if (typeof message === 'string') expect(line).toBe(message);
    else expect(line).toMatch(message);
  });

  test.each(['serve', 'migrate', 'init'])('of a setting that %s needs: its name', async (name) => {
    const line = await fails([name], { DATABASE_URL: '' });
    expect(line).toBe('claviger: DATABASE_URL is not set');
  });

  test.each([[['token', 'inspect']], [['serve']]])(
    'of a setting of the token that %j needs: its name',
    async (args) => {
      const line = await fails(args, { CLAVIGER_TOKEN_PIN_FILE: '' });
      expect(line).toBe('claviger: CLAVIGER_TOKEN_PIN_FILE is not set');
    },
  );

  test('of settings that cannot be: all of them, without their values', async () => {
    const line = await fails(['init'], { CLAVIGER_PORT: 'hunter2', DATABASE_URL: 'mysql://pass' });
    expect(line).toBe(
      'claviger: CLAVIGER_PORT must be integer; DATABASE_URL must match pattern "^postgres(ql)?://"',
    );
  });

  test('of a database that is not there: no password', async () => {
    const url = 'postgres://someone:hunter2@127.0.0.1:1/none';
    const line = await fails(['migrate'], { DATABASE_URL: url });
    expect(line).toMatch(/^claviger: DatabaseError: The database cannot be reached: \S+/);
    expect(line).not.toContain('hunter2');
  });

  test.each([
    ['account', 'create', '222233334444'],
    ['service', 'create', 'docs.claviger.internal'],
    ['service', 'delete', 'docs.claviger.internal'],
    ['service', 'create-access-key', 'docs.claviger.internal'],
  ])(
    'of a database that `%s %s` does not reach, and of one that was not migrated',
    async (...args) => {
      const url = 'postgres://someone:hunter2@127.0.0.1:1/none';
      expect(await fails(args, { DATABASE_URL: url })).toMatch(
        /^claviger: DatabaseError: The database cannot be reached: \S+/,
      );
      const empty = await emptyDatabase();
      try {
        expect(await fails(args, { DATABASE_URL: empty.url })).toMatch(
          /^claviger: DatabaseError: The database refused \(SQLSTATE 42P01\): relation "worker_lease" does not exist/,
        );
      } finally {
        await empty.drop();
      }
    },
  );

  test('of a token that is not there', async () => {
    const line = await fails(['token', 'inspect'], { CLAVIGER_TOKEN_LABEL: 'nobody' });
    expect(line).toMatch(/^claviger: HsmError: .*nobody/);
  });

  test('of a library that is not there', async () => {
    const line = await fails(['token', 'inspect'], { CLAVIGER_PKCS11_MODULE: '/none/lib.so' });
    expect(line).toMatch(/^claviger: HsmError: /);
  });

  test('of a wrong PIN: neither PIN', async () => {
    const pinFile = path.join(home, 'wrong');
    await writeFile(pinFile, 'not-the-pin-1234');
    const line = await fails(['token', 'inspect'], { CLAVIGER_TOKEN_PIN_FILE: pinFile });
    expect(line).toMatch(/^claviger: HsmError: .*PIN/i);
    expect(line).not.toContain('not-the-pin-1234');
    expect(line).not.toContain(hsm.pin);
  });
});

describe('token inspect', () => {
  test('prints the token, its mechanisms and a table of what it serves', async () => {
    const { code, out, err } = await claviger(['token', 'inspect']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^label +${hsm.label}$`, 'm'));
    expect(out).toMatch(new RegExp(`^serial +${hsm.serial}$`, 'm'));
    expect(out).toMatch(/^mechanisms +\d+: .*CKM_AES_GCM/m);
    expect(out).toMatch(/^KMS NAME +SERVED +MECHANISM +NOTE$/m);
    expect(out).toMatch(/^SYMMETRIC_DEFAULT +yes +CKM_AES_GCM/m);
    expect(out).toMatch(/^ML_DSA_65 +no +CKM_ML_DSA +\S/m);
  });

  test('--json says the same as one line of JSON, without a PIN', async () => {
    const { code, out } = await claviger(['token', 'inspect', '--json']);
    expect(code).toBe(0);
    const inspected = JSON.parse(out) as Record<string, unknown>;
    expect(out.split('\n')).toHaveLength(2);
    expect(inspected).toMatchObject({
      token: { label: hsm.label, serial: hsm.serial },
      mechanisms: expect.arrayContaining(['CKM_AES_GCM']) as unknown,
      rows: expect.arrayContaining([
        expect.objectContaining({ name: 'SYMMETRIC_DEFAULT', supported: true }),
      ]) as unknown,
    });
    expect(out).not.toContain(hsm.pin);
  });
});

describe('init', () => {
  test('prints the access key once, and nothing when there is one', async () => {
    const first = await claviger(['init']);
    expect([first.code, first.err]).toEqual([0, '']);
    const issued = JSON.parse(first.out) as Record<string, string>;
    expect(issued).toEqual({
      AccountId: '000000000000',
      Arn: 'arn:aws:iam::000000000000:root',
      AccessKeyId: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/) as string,
      SecretAccessKey: expect.stringMatching(/^[A-Za-z0-9+/]{40}$/) as string,
    });
    expect(await claviger(['init'])).toEqual({ code: 0, out: '', err: '' });
    const rows = await administer(cloned.url, 'select t::text from access_key t');
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(issued['SecretAccessKey']);
  });

  test('account create-access-key prints another', async () => {
    const { code, out } = await claviger(['account', 'create-access-key']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ AccountId: '000000000000' });
    expect(await administer(cloned.url, 'select 1 from access_key')).toHaveLength(2);
  });
});

describe('migrate', () => {
  test('says what it applied, and nothing the second time', async () => {
    const empty = await emptyDatabase();
    const different = { DATABASE_URL: empty.url };
    const { code, out, err } = await claviger(['migrate'], different);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^(applied \d{6}_\w+(\.sql)?\n)+$/);
    expect(await claviger(['migrate'], different)).toEqual({ code: 0, out: '', err: '' });
    await empty.drop();
  });
});
