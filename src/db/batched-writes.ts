export interface BatchedWritesOptions<V> {
  readonly intervalMs: number;
  /** Values in one call of `write`, at the most. */
  readonly batchSize: number;
  /** Writes the values, and gives the ids of those that could not be written yet. */
  readonly write: (batch: ReadonlyMap<string, V>) => Promise<readonly string[]>;
  /** A batch could not be written; it is kept for the next time. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * The latest value by id, for the database. Noting one is an entry in a map, as requests do it; what was noted is written
 * in batches, so what the database knows may be old by the interval, and a process that is killed takes the rest along.
 */
export class BatchedWrites<V> {
  private waiting = new Map<string, V>();
  private leaving: ReadonlyMap<string, V> = new Map();
  private readonly timer: NodeJS.Timeout;
  private flushing: Promise<void> | undefined;

  constructor(private readonly options: BatchedWritesOptions<V>) {
    this.timer = setInterval(() => void this.flush(), options.intervalMs);
    this.timer.unref();
  }

  note(id: string, value: V): void {
    this.waiting.set(id, value);
  }

  /** What was noted and may not be written yet. */
  unwritten(id: string): V | undefined {
    return this.waiting.get(id) ?? this.leaving.get(id);
  }

  /** Writes what was noted. Never rejects. */
  async flush(): Promise<void> {
    this.flushing ??= this.write().finally(() => (this.flushing = undefined));
    await this.flushing;
  }

  /** Writes what was noted last. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flushing;
    await this.flush();
  }

  private async write(): Promise<void> {
    this.leaving = this.waiting;
    this.waiting = new Map();
    const left = new Map<string, V>();
    for (const batch of batches(this.leaving, this.options.batchSize)) {
      for (const id of await this.writeBatch(batch)) {
        const value = batch.get(id);
        if (value !== undefined) left.set(id, value);
      }
    }
    // What was noted meanwhile is newer.
    for (const [id, value] of left) if (!this.waiting.has(id)) this.waiting.set(id, value);
    this.leaving = new Map();
  }

  /** The ids of what could not be written now. */
  private async writeBatch(batch: ReadonlyMap<string, V>): Promise<Iterable<string>> {
    try {
      return await this.options.write(batch);
    } catch (error) {
      this.options.onFailed(error);
      return batch.keys();
    }
  }
}

function* batches<V>(
  values: ReadonlyMap<string, V>,
  size: number,
): Generator<ReadonlyMap<string, V>> {
  let batch = new Map<string, V>();
  for (const [id, value] of values) {
    batch.set(id, value);
    if (batch.size < size) continue;
    yield batch;
    batch = new Map();
  }
  if (batch.size > 0) yield batch;
}
