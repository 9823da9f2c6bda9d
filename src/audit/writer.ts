import { randomUUID } from 'node:crypto';
import { DatabaseError, type Database, type Queryable, type Transaction } from '../db';
import { AuditQueue, type Entry } from './queue';

export interface AuditWriterOptions {
  /** A pool of one connection that nothing else uses. */
  readonly database: Database;
  /** Longest time that a record waits for its turn. */
  readonly waitMs: number;
  /** Records that wait at the most; those beyond are refused at once. Default 10,000. */
  readonly capacity?: number;
  /** Called after each commit: for metrics. */
  readonly onFlush?: (flush: { readonly rows: number; readonly milliseconds: number }) => void;
}

/**
 * Writes audit records in one sequence. Every failure is a DatabaseError, and comes within a bounded time: at most the
 * wait, a connection and a statement.
 */
export interface AuditWriter {
  /** Resolves when the record is committed. */
  append(line: string): Promise<void>;
  /**
   * Inserts the records in the transaction and commits it: all happens, or nothing. When it throws, the transaction has
   * ended; `outcomeUnknown` of the error says that it may have been committed.
   */
  commitWith(transaction: Transaction, ...lines: readonly string[]): Promise<void>;
  /** Writes what waits, then refuses everything. Leaves the database open. */
  close(): Promise<void>;
}

/** Rows of one commit at the most: from 100 to 500 throughput is flat (pkcs11-facts §6). */
const maxRows = 500;

/** UTF-16 units of one commit at the most. */
const maxLength = 4 * 1024 * 1024;

const defaultCapacity = 10_000;

const insertLines = {
  name: 'audit-append',
  text: `insert into audit_record (writer, seq, record)
         select $1::uuid, $2::bigint + ord - 1, line
           from string_to_table($3::text, E'\\n') with ordinality as t(line, ord)`,
} as const;

export function openAuditWriter(options: AuditWriterOptions): AuditWriter {
  return new GroupCommit(options);
}

/**
 * One writer at work at a time, so (writer, seq) is the order of the commits and a hash chain over it has one line. While
 * one commit is under way the records that come in wait and share the next one. There is no timer: an idle writer starts
 * at once.
 */
class GroupCommit implements AuditWriter {
  /** Of this sequence. A failed write may have been committed all the same: its numbers are left to it. */
  private writer = randomUUID();
  private nextSeq = 1;
  private readonly queue: AuditQueue;
  private working: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly options: AuditWriterOptions) {
    this.queue = new AuditQueue({
      capacity: options.capacity ?? defaultCapacity,
      maxRows,
      maxLength,
    });
  }

  append(line: string): Promise<void> {
    return this.enqueue([line], undefined);
  }

  async commitWith(transaction: Transaction, ...lines: readonly string[]): Promise<void> {
    try {
      await this.enqueue(lines, transaction);
    } finally {
      await transaction.rollback();
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.working;
  }

  private enqueue(lines: readonly string[], transaction: Transaction | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      // string_to_table would make several rows of one with a line end, and none of an empty one.
      if (lines.some((line) => line === '' || line.includes('\n') || line.includes('\0'))) {
        throw new DatabaseError('failed', 'An audit record is not one line');
      }
      if (this.closed) throw new DatabaseError('unavailable', 'The audit writer is closed');
      const entry = { lines, transaction, since: performance.now(), resolve, reject };
      if (!this.queue.add(entry)) {
        throw new DatabaseError('unavailable', 'Too many audit records wait to be written');
      }
      this.working ??= this.work();
    });
  }

  private async work(): Promise<void> {
    // Requests that were read from the network in the same turn of the event loop share the first commit.
    await new Promise((resolve) => setImmediate(resolve));
    for (let batch = this.queue.take(); batch.length > 0; batch = this.queue.take()) {
      await this.write(batch.filter((entry) => this.isInTime(entry)));
    }
    this.working = undefined;
  }

  private isInTime(entry: Entry): boolean {
    if (performance.now() - entry.since <= this.options.waitMs) return true;
    entry.reject(new DatabaseError('timeout', 'An audit record waited too long for its turn'));
    return false;
  }

  /** All lines of a batch, or one transaction. */
  private async write(batch: readonly Entry[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    const start = performance.now();
    const lines = batch.flatMap((entry) => entry.lines);
    try {
      await this.insert(first.transaction ?? this.options.database, lines);
      await first.transaction?.commit();
    } catch (error) {
      this.fail(batch, error);
      return;
    }
    this.nextSeq += lines.length;
    for (const entry of batch) entry.resolve();
    this.options.onFlush?.({ rows: lines.length, milliseconds: performance.now() - start });
  }

  private async insert(target: Queryable, lines: readonly string[]): Promise<void> {
    const rows = await target.execute({
      ...insertLines,
      values: [this.writer, this.nextSeq, lines.join('\n')],
    });
    if (rows !== lines.length) {
      throw new DatabaseError('failed', 'Audit records were written in part');
    }
  }

  private fail(batch: readonly Entry[], error: unknown): void {
    this.writer = randomUUID();
    this.nextSeq = 1;
    for (const entry of batch) entry.reject(error);
    // Without a database those that wait would each wait for its own timeout. A transaction has a connection of its own.
    if (batch[0]?.transaction === undefined && isOutage(error)) {
      for (const entry of this.queue.takeAll()) entry.reject(error);
    }
  }
}

function isOutage(error: unknown): boolean {
  return (
    error instanceof DatabaseError && (error.code === 'unavailable' || error.code === 'timeout')
  );
}
