import { type Token, openToken } from '../../hsm';
import { type Config, requireDatabaseUrl } from '../config';
import { type Database, openDatabase } from '../db';
import type { Log } from '../log';
import { tokenOptions } from '../token-options';

/** Runs with an open database, and closes it whatever happens. */
export async function withDatabase<T>(
  config: Config,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = openDatabase({
    url: requireDatabaseUrl(config),
    poolSize: 2,
    statementTimeoutMs: config.databaseStatementTimeoutMs,
    connectTimeoutMs: config.databaseConnectTimeoutMs,
  });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Runs with an open token, and closes it whatever happens. */
export async function withToken<T>(
  config: Config,
  log: Log,
  work: (token: Token) => Promise<T>,
): Promise<T> {
  const token = await openToken(tokenOptions(config, log));
  try {
    return await work(token);
  } finally {
    await token.close();
  }
}
