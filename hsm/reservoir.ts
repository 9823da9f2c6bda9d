import { HsmError } from './errors';

const capacity = 128 * 1024;
/** Tokens refuse longer single requests; 16 KiB is within all known limits. */
const chunk = 16 * 1024;

/**
 * Random bytes of a token that is too far away to be asked inline, fetched ahead on a lane. Every byte is handed out
 * once and then overwritten.
 */
export class Reservoir {
  #bytes = Buffer.alloc(0);
  #filling: Promise<void> | undefined;

  constructor(private readonly fetch: (length: number) => Promise<Buffer>) {}

  /** `length` bytes now, or `token-unavailable`. */
  take(length: number): Buffer {
    if (length > this.#bytes.length) {
      this.#refill();
      throw new HsmError('token-unavailable', 'C_GenerateRandom: too few random bytes in store');
    }
    const taken = Buffer.from(this.#bytes.subarray(0, length));
    this.#bytes.fill(0, 0, length);
    this.#bytes = this.#bytes.subarray(length);
    if (this.#bytes.length < capacity / 2) this.#refill();
    return taken;
  }

  /** Fetches until full; callers share one fetch. */
  fill(): Promise<void> {
    this.#filling ??= this.#fetchAll().finally(() => {
      this.#filling = undefined;
    });
    return this.#filling;
  }

  async #fetchAll(): Promise<void> {
    while (this.#bytes.length + chunk <= capacity) {
      const fresh = await this.fetch(chunk);
      this.#bytes = Buffer.concat([this.#bytes, fresh]);
    }
  }

  /** A failed fetch has already told the token, which recovers; the next `take` that runs short says so. */
  #refill(): void {
    this.fill().catch(() => undefined);
  }
}
