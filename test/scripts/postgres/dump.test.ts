import { readFileSync } from 'node:fs';
import path from 'node:path';
import { dumpSchema } from '../../../scripts/postgres/dump';
import {
  administer,
  cloneDatabase,
  emptyDatabase,
  type ClonedDatabase,
} from '../../support/postgres';

const schemaFile = path.join(__dirname, '..', '..', '..', '..', 'migrations', 'schema.sql');

let migrated: ClonedDatabase;
let empty: ClonedDatabase;

beforeAll(async () => {
  [migrated, empty] = await Promise.all([cloneDatabase(), emptyDatabase()]);
});

afterAll(async () => {
  await migrated.drop();
  await empty.drop();
});

test('migrations/schema.sql is what the migrations make', async () => {
  expect(await dumpSchema(migrated.url)).toBe(readFileSync(schemaFile, 'utf8'));
});

test('A dump makes the schema that it was taken of', async () => {
  await administer(
    migrated.url,
    `create table everything (
       id bigint generated always as identity primary key,
       twice bigint generated always as (1 + 1) stored,
       "Odd Name" text collate "C" not null default 'it''s'
     );
     create function touch() returns trigger language plpgsql as 'begin return new; end';
     create trigger touched before update on everything for each row execute function touch();`,
  );
  const dump = await dumpSchema(migrated.url);
  await administer(empty.url, dump);
  expect(await dumpSchema(empty.url)).toBe(dump);
  expect(dump).toContain(`"Odd Name" text collate "C" not null default 'it''s'::text`);
  expect(dump).toContain('CREATE TRIGGER touched BEFORE UPDATE ON everything');
});
