import { type Token, openToken } from '../../hsm';
import { type ServiceEvent, auditLine, openAuditWriter, serviceEventRecord } from '../audit';
import { openFeed } from '../caches';
import { type Config, requireDatabaseUrl } from '../config';
import { type ChangeFeed, type Database, type Transaction, openDatabase } from '../db';
import { type Log, createLog, describeError } from '../log';
import { tokenOptions } from '../token-options';
import { type UndoStep, undoneOnFailure } from '../undo';

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
  return withFeed(config, async ({ database, feed }) => {
    const transaction = await database.begin();
    try {
      const result = await work(transaction);
      await transaction.commit();
      await feed.acknowledged(transaction.announcements);
      return result;
    } finally {
      await transaction.rollback();
    }
  });
}

/** What a change that is recorded works in. */
export interface RecordedChange {
  readonly database: Database;
  readonly transaction: Transaction;
  /** Runs when the transaction does not commit: undoes what was done in the token. */
  readonly undo: (step: UndoStep) => void;
  /** Committed with the change, in the audit trail. */
  readonly record: (event: ServiceEvent) => void;
}

/** As changeDatabase: the change commits together with its audit records, and what it made in the token stays only then. */
export async function changeRecorded<T>(
  config: Config,
  work: (change: RecordedChange) => Promise<T>,
): Promise<T> {
  const log = createLog('warn');
  const onLeftover = (error: unknown): void =>
    log.error('what a failed change made in the token is left there', {
      error: describeError(error),
    });
  return withFeed(config, async ({ database, feed }) => {
    const audit = openAuditWriter({ database, waitMs: config.databaseStatementTimeoutMs });
    try {
      const { result, announcements } = await undoneOnFailure(
        { database, onLeftover },
        async (transaction, undo) => {
          const events: ServiceEvent[] = [];
          const record = (event: ServiceEvent): void => void events.push(event);
          const done = await work({ database, transaction, undo, record });
          const lines = events.map((event) => auditLine(serviceEventRecord(event)));
          await audit.commitWith(transaction, ...lines);
          return { result: done, announcements: transaction.announcements };
        },
      );
      await feed.acknowledged(announcements);
      return result;
    } finally {
      await audit.close();
    }
  });
}

async function withFeed<T>(
  config: Config,
  work: (parts: { readonly database: Database; readonly feed: ChangeFeed }) => Promise<T>,
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
      return await work({ database, feed });
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
