import type { ClientConfig } from 'pg';

export interface ConnectionOptions {
  /** postgres:// URL. */
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Longest time for a new connection, and for one of the pool to get free. */
  readonly connectTimeoutMs: number;
  /** Longest time of one statement, of a wait for a lock, and of an idle transaction. */
  readonly statementTimeoutMs: number;
}

/** How much longer than the server the client waits: beyond it the server is not slow but gone. */
const answerGraceMs = 500;

/**
 * The server ends what takes too long (statement_timeout and its kin travel in the start-up packet, so they hold from
 * the first statement on). The client has its own, later limit: a half-open connection delivers nothing, not even a
 * timeout.
 */
export function clientConfig(options: ConnectionOptions): ClientConfig {
  return {
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: options.statementTimeoutMs,
    idle_in_transaction_session_timeout: options.statementTimeoutMs * 2,
    query_timeout: options.statementTimeoutMs + answerGraceMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}
