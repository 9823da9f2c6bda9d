import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import { normaliseError } from './errors';

interface Migration {
  /** File name: six digits, an underscore, a name, `.sql`. */
  readonly name: string;
  readonly text: string;
  /** SHA-256, lower-case hex. */
  readonly checksum: string;
}

interface Applied {
  readonly name: string;
  readonly checksum: string;
}

/** The database was not made by these migrations; nothing was changed. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** `claviger` in ASCII. One lock a database: advisory locks do not cross databases. */
const lockId = '7164208268442035570';

/** Beside dist/. */
const defaultDirectory = path.join(__dirname, '..', '..', '..', 'migrations');

const fileName = /^[0-9]{6}_[a-z0-9_]+\.sql$/;

/**
 * Brings the database up to date: applies, in order, every migration that it lacks, each in its own transaction.
 * Starts that coincide wait for each other. Throws MigrationError when a file that was applied is missing or has
 * changed, or when the database is newer than this program; DatabaseError when the database fails.
 */
export async function migrate(
  url: string,
  directory = defaultDirectory,
): Promise<{ applied: string[] }> {
  const migrations = await readMigrations(directory);
  const client = new Client({
    connectionString: url,
    application_name: 'claviger-migrate',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select pg_advisory_lock($1::bigint)', [lockId]);
    return { applied: await applyMissing(client, migrations) };
  } catch (error) {
    throw error instanceof MigrationError ? error : normaliseError(error);
  } finally {
    // The lock belongs to the connection and ends with it.
    await client.end().catch(() => undefined);
  }
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => fileName.test(name)).sort();
  if (names.length === 0) throw new MigrationError(`There are no migrations in ${directory}`);
  return Promise.all(
    names.map(async (name, index) => {
      if (Number(name.slice(0, 6)) !== index + 1) {
        throw new MigrationError(`Migration number ${index + 1} is missing; ${name} comes next`);
      }
      const text = await readFile(path.join(directory, name), 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

async function applyMissing(client: Client, migrations: readonly Migration[]): Promise<string[]> {
  await client.query(
    `create table if not exists schema_migration (
       name text collate "C" primary key,
       checksum text collate "C" not null check (checksum ~ '^[0-9a-f]{64}$'),
       applied_at timestamptz(3) not null default now()
     )`,
  );
  const { rows } = await client.query<Applied>(
    'select name, checksum from schema_migration order by name',
  );
  refuseDrift(migrations, rows);
  const missing = migrations.slice(rows.length);
  for (const migration of missing) await apply(client, migration);
  return missing.map(({ name }) => name);
}

function refuseDrift(migrations: readonly Migration[], applied: readonly Applied[]): void {
  const known = new Set(migrations.map(({ name }) => name));
  for (const [index, row] of applied.entries()) {
    const migration = migrations[index];
    if (migration === undefined) {
      throw new MigrationError(
        `The database is newer than this program: it has migration ${row.name}`,
      );
    }
    if (!known.has(row.name)) {
      throw new MigrationError(`Migration ${row.name} was applied and its file is missing`);
    }
    if (migration.name !== row.name) {
      throw new MigrationError(
        `Migration ${migration.name} stands before ${row.name} and was not applied`,
      );
    }
    if (migration.checksum !== row.checksum) {
      throw new MigrationError(`Migration ${row.name} has changed since it was applied`);
    }
  }
}

async function apply(client: Client, migration: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(migration.text);
    await client.query(
      'insert into schema_migration (name, checksum) values ($1::text, $2::text)',
      [migration.name, migration.checksum],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw new MigrationError(`Migration ${migration.name} failed`, {
      cause: normaliseError(error),
    });
  }
}
