import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startPostgres, type Postgres } from '../../scripts/postgres';
import { administer } from '../support/postgres';
import { until } from '../support/until';

let root: string;
let dataDir: string;
const running: Postgres[] = [];

beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), 'claviger-postgres-test-'));
  chmodSync(root, 0o711);
  dataDir = path.join(root, 'pg');
});

afterEach(async () => {
  for (const postgres of running.splice(0)) await postgres.stop();
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

async function start(
  options: { dataDir?: string; log?: (message: string) => void } = {},
): Promise<Postgres> {
  const postgres = await startPostgres({ dataDir, throwaway: true, ...options });
  running.push(postgres);
  return postgres;
}

async function setting(postgres: Postgres, name: string): Promise<string | undefined> {
  const rows = await administer<{ value: string }>(
    postgres.url,
    'select current_setting($1) as value',
    [name],
  );
  return rows[0]?.value;
}

test('The first start makes a cluster that asks for a password and listens on 127.0.0.1 only', async () => {
  const postgres = await start();
  expect(await setting(postgres, 'listen_addresses')).toBe('127.0.0.1');
  expect(await setting(postgres, 'unix_socket_directories')).toBe('');
  expect(await setting(postgres, 'server_encoding')).toBe('UTF8');
  expect(await setting(postgres, 'max_connections')).toBe('400');
  const passwordFile = path.join(dataDir, 'password');
  expect(statSync(passwordFile).mode & 0o777).toBe(0o600);
  const wrong = new URL(postgres.url);
  expect(wrong.password).toBe(readFileSync(passwordFile, 'utf8'));
  wrong.password = 'wrong';
  await expect(administer(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
});

test('A later start finds the data and the URL as they were', async () => {
  const first = await start();
  await administer(first.url, 'create table kept as select 42 as answer');
  await first.stop();
  const second = await start();
  expect(second.url).toBe(first.url);
  expect(await administer(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
});

test('A port that somebody else took is replaced', async () => {
  const first = await start();
  await first.stop();
  const thief = createServer().listen(Number(new URL(first.url).port), '127.0.0.1');
  await once(thief, 'listening');
  const second = await start();
  expect(new URL(second.url).port).not.toBe(new URL(first.url).port);
  await administer(second.url, 'select 1');
  thief.close();
});

test('A data directory that is in use is refused, and its server goes on', async () => {
  const postgres = await start();
  await expect(start()).rejects.toThrow(/^Postgres is already running on .* \(process [0-9]+\)$/);
  await administer(postgres.url, 'select 1');
});

test('It writes through to the disk unless it is a throwaway, and commits wait in both', async () => {
  const throwaway = await start();
  expect(await setting(throwaway, 'fsync')).toBe('off');
  expect(await setting(throwaway, 'synchronous_commit')).toBe('on');
  await throwaway.stop();
  const durable = await startPostgres({ dataDir });
  running.push(durable);
  expect(await setting(durable, 'fsync')).toBe('on');
  expect(await setting(durable, 'full_page_writes')).toBe('on');
  expect(await setting(durable, 'synchronous_commit')).toBe('on');
});

test.each(['fast', 'immediate'] as const)(
  'A %s restart keeps the URL and what was committed',
  async (mode) => {
    const postgres = await start();
    await administer(postgres.url, `create table kept_${mode} ()`);
    await postgres.restart(mode);
    await administer(postgres.url, `select from kept_${mode}`);
  },
);

test('A pid file whose process is another program’s does not keep it from starting', async () => {
  const postgres = await start();
  const data = await setting(postgres, 'data_directory');
  await postgres.stop();
  writeFileSync(path.join(data ?? '', 'postmaster.pid'), `${process.pid}\n`);
  await administer((await start()).url, 'select 1');
});

test('Postgres ends with the process that started it, even when that is killed', async () => {
  const program = `
    require(${JSON.stringify(path.join(__dirname, '..', '..', 'scripts', 'postgres.js'))})
      .startPostgres({ dataDir: ${JSON.stringify(dataDir)}, throwaway: true })
      .then(({ url }) => console.log(url))`;
  const parent = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [url] = (await once(parent.stdout, 'data')) as [Buffer];
  await administer(url.toString().trim(), 'select 1');
  parent.kill('SIGKILL');
  await until('it refuses connections', () =>
    administer(url.toString().trim(), 'select 1').then(
      () => false,
      (error: unknown) => (error as { code?: string }).code === 'ECONNREFUSED',
    ),
  );
  await administer((await start()).url, 'select 1');
});

test('Data whose password file is gone is moved aside and not deleted', async () => {
  const postgres = await start();
  const data = (await setting(postgres, 'data_directory')) ?? '';
  await postgres.stop();
  rmSync(path.join(dataDir, 'password'));
  const messages: string[] = [];
  const fresh = await start({ log: (message) => messages.push(message) });
  await expect(administer(fresh.url, 'select from kept')).rejects.toMatchObject({ code: '42P01' });
  const [, aside] = /it was moved to (\S+) and a new one is made$/.exec(messages[0] ?? '') ?? [];
  expect(aside?.startsWith(`${data}.`)).toBe(true);
  expect(existsSync(path.join(aside ?? '', 'PG_VERSION'))).toBe(true);
});

test('Data that is gone is replaced by an empty database, and that is said', async () => {
  const postgres = await start();
  const data = (await setting(postgres, 'data_directory')) ?? '';
  await postgres.stop();
  rmSync(data, { recursive: true });
  const messages: string[] = [];
  const fresh = await start({ log: (message) => messages.push(message) });
  expect(messages).toEqual([`The database in ${data} is gone; a new, empty one is made`]);
  await administer(fresh.url, 'select 1');
});

const asRoot = process.getuid?.() === 0 ? test : test.skip;

asRoot(
  'Under a directory that only root can enter, the data is kept where the server reaches it',
  async () => {
    const locked = path.join(root, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o700);
    const messages: string[] = [];
    const postgres = await start({
      dataDir: path.join(locked, 'pg'),
      log: (m) => messages.push(m),
    });
    const data = (await setting(postgres, 'data_directory')) ?? '';
    expect(data).toMatch(/^\/var\/lib\/claviger\/[0-9a-f]{16}\/data$/);
    expect(messages).toEqual([
      `Keeping the database in ${path.dirname(data)}, because the account postgres cannot reach ${locked}/pg`,
    ]);
    await postgres.stop();
    rmSync(path.dirname(data), { recursive: true });
  },
);
