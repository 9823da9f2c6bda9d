import { createHash } from 'node:crypto';
import { cp, mkdtemp, realpath, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { migrate } from '../../src/db/migrate';
import { administer, cloneDatabase, emptyDatabase, type ClonedDatabase } from '../support/postgres';

const original = path.join(__dirname, '..', '..', '..', 'migrations');

let database: ClonedDatabase;
let directory: string;

beforeEach(async () => {
  database = await emptyDatabase();
  directory = await mkdtemp(path.join(tmpdir(), 'claviger-migrations-'));
  await cp(await realpath(original), directory, { recursive: true });
});

afterEach(async () => {
  await database.drop();
  await rm(directory, { recursive: true });
});

function applied(): Promise<{ name: string; checksum: string }[]> {
  return administer(database.url, 'select name, checksum from schema_migration order by name');
}

test('An empty database gets every migration in order, with the SHA-256 of its file', async () => {
  const result = await migrate(database.url, directory);
  expect(result.applied.slice(0, 3)).toEqual([
    '000001_accounts.sql',
    '000002_keys.sql',
    '000003_audit.sql',
  ]);
  const rows = await applied();
  expect(rows.map(({ name }) => name)).toEqual(result.applied);
  expect(rows.every(({ checksum }) => /^[0-9a-f]{64}$/.test(checksum))).toBe(true);
});

test('A second run applies nothing', async () => {
  await migrate(database.url, directory);
  expect(await migrate(database.url, directory)).toEqual({ applied: [] });
});

test('The directory beside the compiled program is the default', async () => {
  await migrate(database.url);
  expect(await migrate(database.url, directory)).toEqual({ applied: [] });
});

test('Runs that coincide apply each migration once', async () => {
  const results = await Promise.all(
    Array.from({ length: 6 }, () => migrate(database.url, directory)),
  );
  const rows = await applied();
  expect(results.flatMap((result) => result.applied).sort()).toEqual(rows.map(({ name }) => name));
});

test('A new file is applied to a database that has the others, and its checksum is stored', async () => {
  await migrate(database.url, directory);
  const [text, name] = ['create table later (id integer);\n', '000099_later.sql'];
  const next = `${String((await applied()).length + 1).padStart(6, '0')}${name.slice(6)}`;
  await writeFile(path.join(directory, next), text);
  expect(await migrate(database.url, directory)).toEqual({ applied: [next] });
  expect((await applied()).at(-1)).toEqual({
    name: next,
    checksum: createHash('sha256').update(text).digest('hex'),
  });
});

test('A migration that was changed after it was applied is refused', async () => {
  await migrate(database.url, directory);
  await writeFile(path.join(directory, '000002_keys.sql'), 'select 1;\n');
  await expect(migrate(database.url, directory)).rejects.toMatchObject({
    name: 'MigrationError',
    message: 'Migration 000002_keys.sql has changed since it was applied',
  });
});

test('A migration whose file was renamed after it was applied is refused', async () => {
  await migrate(database.url, directory);
  await rename(path.join(directory, '000002_keys.sql'), path.join(directory, '000002_other.sql'));
  await expect(migrate(database.url, directory)).rejects.toMatchObject({
    name: 'MigrationError',
    message: 'Migration 000002_keys.sql was applied and its file is missing',
  });
});

test('A gap in the numbers is refused before the database is touched', async () => {
  await unlink(path.join(directory, '000002_keys.sql'));
  await expect(migrate(database.url, directory)).rejects.toMatchObject({
    name: 'MigrationError',
    message: 'Migration number 2 is missing; 000003_audit.sql comes next',
  });
  await expect(applied()).rejects.toMatchObject({ code: '42P01' });
});

test('A database that is newer than the program is refused', async () => {
  await migrate(database.url, directory);
  await administer(
    database.url,
    `insert into schema_migration (name, checksum) values ('000777_future.sql', repeat('0', 64))`,
  );
  await expect(migrate(database.url, directory)).rejects.toMatchObject({
    name: 'MigrationError',
    message: 'The database is newer than this program: it has migration 000777_future.sql',
  });
});

test('A migration that fails leaves nothing of itself and keeps those before it', async () => {
  await writeFile(
    path.join(directory, '000003_audit.sql'),
    'create table half (id integer);\nselect 1 / 0;\n',
  );
  await expect(migrate(database.url, directory)).rejects.toMatchObject({
    name: 'MigrationError',
    message: 'Migration 000003_audit.sql failed',
    cause: { name: 'DatabaseError', code: 'failed', sqlState: '22012' },
  });
  expect((await applied()).map(({ name }) => name)).toEqual([
    '000001_accounts.sql',
    '000002_keys.sql',
  ]);
  await expect(administer(database.url, 'select from half')).rejects.toMatchObject({
    code: '42P01',
  });
});

test('A database that cannot be reached is unavailable', async () => {
  const url = new URL(database.url);
  url.port = '1';
  await expect(migrate(url.href, directory)).rejects.toMatchObject({
    name: 'DatabaseError',
    code: 'unavailable',
    message: 'The database cannot be reached: connect ECONNREFUSED 127.0.0.1:1',
  });
});

test('A migrated clone is what the migrations make', async () => {
  const clone = await cloneDatabase();
  try {
    expect(await migrate(clone.url, directory)).toEqual({ applied: [] });
  } finally {
    await clone.drop();
  }
});
