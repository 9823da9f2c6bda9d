import { type Token, openToken } from '../../hsm';
import { type Config, requireDatabaseUrl } from '../config';
import { openFeed } from '../caches';
import { type Database, type Transaction, openDatabase } from '../db';
import { type Log, createLog } from '../log';
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

/**
 * Runs in a transaction, and ends when every running daemon has dropped what it knew of the changes that the work
 * announced.
 */
export async function changeDatabase<T>(
  config: Config,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  return withDatabase(config, async (database) => {
    const url = requireDatabaseUrl(config);
    // Daemons try again until they hear the feed. Who typed a command is told what is wrong: no database, or an older one.
    let onLost: (error: Error) => void = () => undefined;
    const lost = new Promise<never>((_resolve, reject) => {
      onLost = reject;
    });
    const feed = openFeed({ config, url, database, log: createLog('warn'), onLost });
    try {
      await Promise.race([feed.listening(), lost]);
      const transaction = await database.begin();
      try {
        const result = await work(transaction);
        await transaction.commit();
        await feed.acknowledged(transaction.announcements);
        return result;
      } finally {
        await transaction.rollback();
      }
    } finally {
      await feed.close();
    }
  });
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
