export interface BatchedCallsOptions<V, R> {
  /** Calls in one batch, at the most. */
  readonly batchSize: number;
  /** Answers by id; what has none is answered undefined. No id is in a batch twice. */
  readonly run: (batch: ReadonlyMap<string, V>) => Promise<ReadonlyMap<string, R>>;
}

interface Waiting<V, R> {
  readonly id: string;
  readonly value: V;
  readonly resolve: (result: R | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls that wait for the database together share a statement. A batch goes while nothing else does; the next collects. */
export class BatchedCalls<V, R> {
  private waiting: Waiting<V, R>[] = [];
  private running = false;

  constructor(private readonly options: BatchedCallsOptions<V, R>) {}

  /** Rejects when its batch fails. */
  call(id: string, value: V): Promise<R | undefined> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ id, value, resolve, reject });
      if (this.running) return;
      this.running = true;
      // Whatever else this turn of the event loop asks goes along.
      setImmediate(() => void this.work());
    });
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) await this.runBatch(this.nextBatch());
    this.running = false;
  }

  private nextBatch(): ReadonlyMap<string, Waiting<V, R>> {
    const batch = new Map<string, Waiting<V, R>>();
    const later: Waiting<V, R>[] = [];
    for (const one of this.waiting) {
      if (batch.size < this.options.batchSize && !batch.has(one.id)) batch.set(one.id, one);
      else later.push(one);
    }
    this.waiting = later;
    return batch;
  }

  private async runBatch(batch: ReadonlyMap<string, Waiting<V, R>>): Promise<void> {
    try {
      const values = new Map([...batch.values()].map(({ id, value }) => [id, value]));
      const results = await this.options.run(values);
      for (const { id, resolve } of batch.values()) resolve(results.get(id));
    } catch (error) {
      for (const { reject } of batch.values()) reject(error);
    }
  }
}
