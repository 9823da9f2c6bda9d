import { HsmError } from './errors';

/** Who waits for RSA pairs: keys that are kept, and pairs that are handed out. */
export type SlowQueue = 'keys' | 'data-key-pairs';

/** Of each queue. More would not have their turn before the deadline. */
export const mostWaiting = 64;

/** Of each queue, for one asker: he does not keep it from the others. */
export const mostOfOne = 16;

/** Whoever waited as long for his turn has given up. */
const turnDeadlineMs = 60_000;

/** RSA-4096 takes SoftHSM up to 3 s of a processor, of which it has a part only, and others longer. */
export const generationDeadlineMs = 120_000;

type Work = () => Promise<void>;

/** Who waits for his turn in one queue. */
class Waiting {
  /** Those who wait, in the order of their turns. */
  readonly #work = new Map<string, Work[]>();
  /** By asker, those whose turn it is included. */
  readonly #asked = new Map<string, number>();
  #all = 0;

  get isEmpty(): boolean {
    return this.#work.size === 0;
  }

  /** Throws `busy` where too many are in it. */
  enter(asker: string): void {
    const asked = this.#asked.get(asker) ?? 0;
    if (this.#all >= mostWaiting || asked >= mostOfOne) {
      throw new HsmError('busy', 'too many key pairs are waiting to be generated');
    }
    this.#all += 1;
    this.#asked.set(asker, asked + 1);
  }

  leave(asker: string): void {
    const left = (this.#asked.get(asker) ?? 1) - 1;
    this.#all -= 1;
    if (left > 0) this.#asked.set(asker, left);
    else this.#asked.delete(asker);
  }

  push(asker: string, work: Work): void {
    const others = this.#work.get(asker);
    if (others === undefined) this.#work.set(asker, [work]);
    else others.push(work);
  }

  /** One of each asker after the other. */
  shift(): Work | undefined {
    const [first] = this.#work;
    if (first === undefined) return undefined;
    const [asker, waiting] = first;
    const work = waiting.shift();
    this.#work.delete(asker);
    if (waiting.length > 0) this.#work.set(asker, waiting);
    return work;
  }
}

/**
 * What takes seconds, one after the other in a process, so that it never has all its processors. While both queues wait they
 * take turns, and so do the askers in each of them: whoever asks for many data key pairs keeps others neither from making
 * keys nor from pairs of their own.
 */
export class SlowTurn {
  readonly #queues: Readonly<Record<SlowQueue, Waiting>> = {
    keys: new Waiting(),
    'data-key-pairs': new Waiting(),
  };
  #last: SlowQueue = 'data-key-pairs';
  #running = false;

  /**
   * `asker`: on whose behalf; the daemon itself is one, too. Rejects with `busy` where too many wait, and `deadline` where its
   * turn came too late.
   */
  async take<T>(queue: SlowQueue, work: () => Promise<T>, asker = ''): Promise<T> {
    const waiting = this.#queues[queue];
    waiting.enter(asker);
    try {
      return await this.#take(waiting, work, asker);
    } finally {
      waiting.leave(asker);
    }
  }

  #take<T>(waiting: Waiting, work: () => Promise<T>, asker: string): Promise<T> {
    const askedMs = performance.now();
    const inTime = async (): Promise<T> => {
      requireTime(askedMs);
      return work();
    };
    return new Promise<T>((resolve, reject) => {
      waiting.push(asker, () => inTime().then(resolve, reject));
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let work = this.#next(); work !== undefined; work = this.#next()) await work();
    this.#running = false;
  }

  #next(): Work | undefined {
    const other: SlowQueue = this.#last === 'keys' ? 'data-key-pairs' : 'keys';
    const queue = this.#queues[other].isEmpty ? this.#last : other;
    this.#last = queue;
    return this.#queues[queue].shift();
  }
}

function requireTime(askedMs: number): void {
  if (performance.now() - askedMs < turnDeadlineMs) return;
  const limit = String(turnDeadlineMs);
  throw new HsmError('deadline', `the generation of a key pair did not begin within ${limit} ms`);
}
