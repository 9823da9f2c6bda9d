import type { DatabaseErrorCode } from './errors';

/** SQL by hand: columns named, values as parameters with casts. */
export interface Statement {
  /** A named statement is prepared once a connection. One name, one text. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** Whatever runs statements. Every failure is a DatabaseError. */
export interface Queryable {
  /** The rows. */
  query<R extends object>(statement: Statement): Promise<R[]>;
  /** The number of rows that it inserted, updated or deleted. */
  execute(statement: Statement): Promise<number>;
}

/** What changed: every worker drops what it holds about it. `id` is at most 512 bytes. */
export interface Change {
  readonly topic:
    | 'key'
    /** Aliases and tags of a key: its material, and so its handles, are as they were. */
    | 'key-labels'
    | 'alias'
    | 'access-key'
    /** By its id: one that is new too, for a worker may keep in mind that there is none. */
    | 'api-token'
    /** Policies, boundary, tags or existence of a principal, by its id; `*` is all of them. */
    | 'principal'
    /** `<key id> <grantee>` */
    | 'grant'
    /** By ARN. */
    | 'oidc-provider'
    /** An external key store of the XKS proxy with its credentials, by its prefix (`/` stands for the empty one). */
    | 'xks-store'
    /** `<prefix>:<external key id>` */
    | 'xks-key'
    /** Its properties, or whether it is connected; by its id. */
    | 'custom-key-store';
  readonly id: string;
}

/** A change with the number that its acknowledgements name: `<worker id>.<count>`, unique for ever. */
export interface Announcement extends Change {
  readonly number: string;
}

/** One connection inside `begin`; it ends with commit or rollback, and is unusable then. */
export interface Transaction extends Queryable {
  /** Tells every worker when, and only if, the transaction commits. */
  announce(change: Change): void;
  /** What was announced so far, for ChangeFeed.acknowledged() after the commit. */
  readonly announcements: readonly Announcement[];
  /** Throws `unavailable` when the connection broke meanwhile: then the outcome is unknown. */
  commit(): Promise<void>;
  /** Never throws; does nothing after commit or rollback. */
  rollback(): Promise<void>;
}

export interface Database extends Queryable {
  /** Of this instance alone; announcements and the listener carry it. */
  readonly workerId: string;
  /**
   * For statements that must be committed whatever becomes of the transaction that the caller is in. They run on a
   * connection that no transaction holds: one of the others might be waited for by all who hold them.
   */
  readonly apart: Queryable;
  begin(): Promise<Transaction>;
  /** Resolves when the database answers and takes writes; else throws `unavailable` or `timeout`. */
  check(): Promise<void>;
  /** Waits for the connections in use. */
  close(): Promise<void>;
}

/** One statement as metrics see it. */
export interface QueryReport {
  /** Name of a prepared statement; `begin`, `commit`, `rollback`; else undefined. */
  readonly name: string | undefined;
  readonly milliseconds: number;
  readonly outcome: 'ok' | DatabaseErrorCode;
}

/** Runs the work in a transaction: commits what returns, rolls back what throws. */
export async function inTransaction<T>(
  database: Database,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const transaction = await database.begin();
  try {
    const result = await work(transaction);
    await transaction.commit();
    return result;
  } finally {
    await transaction.rollback();
  }
}
