import { HsmError } from './errors';

/** Who waits for RSA pairs: keys that are kept, and pairs that are handed out. */
export type SlowQueue = 'keys' | 'data-key-pairs';

/** Of each queue. More would not have their turn before the deadline. */
export const mostWaiting = 64;

/** RSA-4096 takes SoftHSM up to 3 s on an idle machine, and others longer. */
export const generationDeadlineMs = 60_000;

/**
 * What takes seconds, one after the other in a process, so that it never has all its processors. While both queues wait they
 * take turns: whoever asks for many data key pairs does not keep others from making keys.
 */
export class SlowTurn {
  readonly #queues: Readonly<Record<SlowQueue, (() => Promise<void>)[]>> = {
    keys: [],
    'data-key-pairs': [],
  };
  /** Those whose turn it is included. */
  readonly #asked: Record<SlowQueue, number> = { keys: 0, 'data-key-pairs': 0 };
  #last: SlowQueue = 'data-key-pairs';
  #running = false;

  /** Rejects with `busy` where too many wait, and `deadline` where its turn came too late. */
  async take<T>(queue: SlowQueue, work: () => Promise<T>): Promise<T> {
    if (this.#asked[queue] >= mostWaiting) {
      throw new HsmError('busy', 'too many key pairs are waiting to be generated');
    }
    this.#asked[queue] += 1;
    try {
      return await this.#take(queue, work);
    } finally {
      this.#asked[queue] -= 1;
    }
  }

  #take<T>(queue: SlowQueue, work: () => Promise<T>): Promise<T> {
    const askedMs = performance.now();
    const inTime = async (): Promise<T> => {
      requireTime(askedMs);
      return work();
    };
    return new Promise<T>((resolve, reject) => {
      this.#queues[queue].push(() => inTime().then(resolve, reject));
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let work = this.#next(); work !== undefined; work = this.#next()) await work();
    this.#running = false;
  }

  #next(): (() => Promise<void>) | undefined {
    const other: SlowQueue = this.#last === 'keys' ? 'data-key-pairs' : 'keys';
    const queue = this.#queues[other].length > 0 ? other : this.#last;
    this.#last = queue;
    return this.#queues[queue].shift();
  }
}

function requireTime(askedMs: number): void {
  if (performance.now() - askedMs < generationDeadlineMs) return;
  const limit = String(generationDeadlineMs);
  throw new HsmError('deadline', `the generation of a key pair did not begin within ${limit} ms`);
}
