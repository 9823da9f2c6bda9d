import { type Database, openDatabase } from '../../src/db';
import { cloneDatabase } from './postgres';

/** A database with accounts and their roots, for tests of src/iam. */
export interface IamDatabase {
  readonly database: Database;
  remove(): Promise<void>;
}

export async function openIamDatabase(...accountIds: readonly string[]): Promise<IamDatabase> {
  const { url, drop } = await cloneDatabase();
  const database = openDatabase({
    url,
    poolSize: 4,
    statementTimeoutMs: 5000,
    connectTimeoutMs: 5000,
  });
  await database.execute({
    text: 'insert into account (account_id) select unnest($1::text[])',
    values: [accountIds],
  });
  await database.execute({
    text: `
      insert into principal (principal_id, account_id, arn, kind)
      select id, id, 'arn:aws:iam::' || id || ':root', 'root' from unnest($1::text[]) as a(id)`,
    values: [accountIds],
  });
  return {
    database,
    remove: async () => {
      await database.close();
      await drop();
    },
  };
}
