import { type Token, openToken } from '../../hsm';
import { type Config, ConfigError } from '../config';
import { type Database, openDatabase } from '../db';
import type { Log } from '../log';
import { tokenOptions } from '../token-options';

export function requireDatabaseUrl(config: Config): string {
  if (config.databaseUrl === undefined) throw new ConfigError('DATABASE_URL is not set');
  return config.databaseUrl;
}

/** Runs with an open token and database, and closes both whatever happens. */
export async function withTokenAndDatabase(
  config: Config,
  log: Log,
  work: (parts: { token: Token; database: Database }) => Promise<void>,
): Promise<void> {
  const database = openDatabase({
    url: requireDatabaseUrl(config),
    poolSize: 2,
    statementTimeoutMs: config.databaseStatementTimeoutMs,
    connectTimeoutMs: config.databaseConnectTimeoutMs,
  });
  try {
    await withToken(config, log, (token) => work({ token, database }));
  } finally {
    await database.close();
  }
}

export async function withToken(
  config: Config,
  log: Log,
  work: (token: Token) => Promise<void>,
): Promise<void> {
  const token = await openToken(tokenOptions(config, log));
  try {
    await work(token);
  } finally {
    await token.close();
  }
}
