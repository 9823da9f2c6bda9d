import type { Transaction } from '../db';

/** A record that waits for its turn; of a transaction several. */
export interface Entry {
  readonly lines: readonly string[];
  /** Given: the record goes into it, and it is committed. */
  readonly transaction: Transaction | undefined;
  /** performance.now() of its arrival. */
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Limits {
  /** Entries at the most. */
  readonly capacity: number;
  /** Of one batch. */
  readonly maxRows: number;
  /** Of one batch, in UTF-16 units; a single longer line is a batch. */
  readonly maxLength: number;
}

/** Lines that share commits, and transactions that cannot; they take turns, so neither holds the other up. */
export class AuditQueue {
  private lines: Entry[] = [];
  private transactions: Entry[] = [];
  private linesAreNext = true;

  constructor(private readonly limits: Limits) {}

  /** False when it is full. */
  add(entry: Entry): boolean {
    if (this.lines.length + this.transactions.length >= this.limits.capacity) return false;
    (entry.transaction === undefined ? this.lines : this.transactions).push(entry);
    return true;
  }

  /** The next lines in the order of their arrival, or one transaction; empty when nothing waits. */
  take(): Entry[] {
    const takeLines =
      this.transactions.length === 0 || (this.linesAreNext && this.lines.length > 0);
    this.linesAreNext = !takeLines;
    if (takeLines) return this.lines.splice(0, this.batchSize());
    return this.transactions.splice(0, 1);
  }

  takeAll(): Entry[] {
    return [...this.lines.splice(0), ...this.transactions.splice(0)];
  }

  private batchSize(): number {
    let [rows, length] = [0, 0];
    for (const { lines } of this.lines) {
      for (const line of lines) length += line.length;
      if (rows === this.limits.maxRows || (rows > 0 && length > this.limits.maxLength)) break;
      rows += 1;
    }
    return rows;
  }
}
