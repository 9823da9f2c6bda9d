import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { clientConfig } from './connection';
import { DatabaseError, normaliseError } from './errors';
import type { Database, Queryable, Statement, Transaction } from './queryable';
import { Session, type OnQuery } from './session';
import { SessionTransaction } from './transaction';

export interface DatabaseOptions {
  /** postgres:// URL. */
  readonly url: string;
  /** Connections at the most; they are opened when needed and kept. */
  readonly poolSize: number;
  /** Longest time of one statement, and of a wait for a lock. */
  readonly statementTimeoutMs: number;
  /** Longest time a caller waits for a connection. */
  readonly connectTimeoutMs: number;
  /** Shown in pg_stat_activity; default `claviger`. */
  readonly applicationName?: string;
  /** Called after every statement. */
  readonly onQuery?: OnQuery;
  /** A connection broke; the pool has already dropped it and makes another when one is needed. */
  readonly onConnectionLost?: (error: DatabaseError) => void;
}

/** Idle connections are kept; each is replaced now and then, so load spreads again after a failover. */
const maxLifetimeSeconds = 1800;

/** Opens a pool. It connects when it is first used, and again after any failure. */
export function openDatabase(options: DatabaseOptions): Database {
  const apart = new Connections({ ...options, poolSize: 1 });
  return new PooledDatabase(new Connections(options), apart);
}

class PooledDatabase implements Database {
  readonly workerId = randomUUID();
  private count = 0;

  constructor(
    private readonly connections: Connections,
    readonly apart: Connections,
  ) {}

  query<R extends object>(statement: Statement): Promise<R[]> {
    return this.connections.query(statement);
  }

  execute(statement: Statement): Promise<number> {
    return this.connections.execute(statement);
  }

  async begin(): Promise<Transaction> {
    const session = await this.connections.borrow();
    try {
      await session.run({ name: 'begin', text: 'begin' });
    } catch (error) {
      session.discard();
      throw error;
    }
    return new SessionTransaction(session, () => `${this.workerId}.${(this.count += 1)}`);
  }

  async check(): Promise<void> {
    const [row] = await this.query<{ standby: boolean }>({
      name: 'check',
      text: 'select pg_is_in_recovery() as standby',
    });
    if (row?.standby !== false) {
      throw new DatabaseError('unavailable', 'The database is a standby and takes no writes');
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.connections.close(), this.apart.close()]);
  }
}

/** A pool. Each statement that it runs by itself is a transaction of its own. */
class Connections implements Queryable {
  private readonly pool: Pool;

  constructor(private readonly options: DatabaseOptions) {
    this.pool = new Pool({
      ...clientConfig({ ...options, applicationName: options.applicationName ?? 'claviger' }),
      max: options.poolSize,
      idleTimeoutMillis: 0,
      maxLifetimeSeconds,
    });
    const lost = (error: unknown): void => options.onConnectionLost?.(normaliseError(error));
    this.pool.on('error', lost);
    // The pool listens to idle connections only; an error event of a borrowed one that nobody hears ends the process.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  query<R extends object>(statement: Statement): Promise<R[]> {
    return this.withSession(async (session) => (await session.run(statement)).rows as R[]);
  }

  execute(statement: Statement): Promise<number> {
    return this.withSession(async (session) => (await session.run(statement)).rowCount ?? 0);
  }

  async borrow(): Promise<Session> {
    try {
      return new Session(await this.pool.connect(), this.options.onQuery);
    } catch (error) {
      throw normaliseError(error);
    }
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  private async withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.borrow();
    try {
      return await work(session);
    } finally {
      session.release();
    }
  }
}
