import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { startPostgres, type Postgres } from '../../scripts/postgres';
import { migrate } from '../../src/db/migrate';

/** A database of one test file: the schema, and no rows. */
export interface ClonedDatabase {
  readonly url: string;
  /** Ends whatever is still connected. */
  drop(): Promise<void>;
}

/** A Postgres of its own, for tests that stop it. */
export interface ThrowawayPostgres extends Postgres {
  /** Stops it and removes its files. */
  remove(): Promise<void>;
}

/** Where a jest run keeps its server; the global set-up fills it in, and worker processes inherit it. */
const adminVariable = 'CLAVIGER_TEST_POSTGRES_URL';
const templateVariable = 'CLAVIGER_TEST_POSTGRES_TEMPLATE';

export async function startThrowawayPostgres(): Promise<ThrowawayPostgres> {
  const directory = await mkdtemp(path.join(tmpdir(), 'claviger-postgres-'));
  // As root the server runs under another account, which must pass through here.
  await chmod(directory, 0o711);
  const postgres = await startPostgres({ dataDir: path.join(directory, 'pg'), throwaway: true });
  return {
    ...postgres,
    remove: async () => {
      await postgres.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Makes the migrated template that cloneDatabase() copies. `adminUrl` may create databases. */
export async function makeTemplate(adminUrl: string): Promise<{ drop(): Promise<void> }> {
  const name = `claviger_template_${randomBytes(6).toString('hex')}`;
  await administer(adminUrl, `create database ${name}`);
  await migrate(withDatabase(adminUrl, name));
  process.env[adminVariable] = adminUrl;
  process.env[templateVariable] = name;
  return {
    drop: async () => {
      await administer(adminUrl, `drop database ${name} with (force)`);
    },
  };
}

export function cloneDatabase(): Promise<ClonedDatabase> {
  return createDatabase(fromSetUp(templateVariable));
}

/** A copy of a database of this run, to which nobody is connected meanwhile: a backup that was restored. */
export function copyDatabase(url: string): Promise<ClonedDatabase> {
  return createDatabase(new URL(url).pathname.slice(1));
}

/** A database without a schema, for tests of migrations. */
export function emptyDatabase(): Promise<ClonedDatabase> {
  return createDatabase('template0');
}

/** Runs one statement on a connection of its own, as an operator would with psql. */
export async function administer<R extends object>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<R[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<R>(text, [...values]);
    return rows;
  } finally {
    await client.end();
  }
}

/** Sessions of this database alone that wait for a lock: other tests' databases are on the same server. */
export async function lockWaiters(url: string): Promise<number> {
  const waiting = `
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  return (await administer(url, waiting)).length;
}

async function createDatabase(template: string): Promise<ClonedDatabase> {
  const adminUrl = fromSetUp(adminVariable);
  const name = `claviger_test_${randomBytes(6).toString('hex')}`;
  await administer(adminUrl, `create database ${name} template ${template}`);
  return {
    url: withDatabase(adminUrl, name),
    drop: async () => {
      await administer(adminUrl, `drop database if exists ${name} with (force)`);
    },
  };
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

function fromSetUp(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) {
    throw new Error(`${variable} is not set: jest ran without test/support/global-setup`);
  }
  return value;
}
