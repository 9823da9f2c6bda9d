import { HsmError } from './errors';
import { toBuffer } from './formats';
import type { Link } from './link';
import { drawRandom } from './objects';
import { Reservoir } from './reservoir';

const maxRandomBytes = 65_536;

/** Throws unless a token can be asked for as many bytes at once. */
export function requireRandomLength(length: number): void {
  if (Number.isInteger(length) && length >= 1 && length <= maxRandomBytes) return;
  throw new HsmError('failed', `C_GenerateRandom: length must be 1 to ${String(maxRandomBytes)}`);
}

/** C_GenerateRandom: inline, or from what a lane has fetched ahead where the token is far away. */
export class RandomSource {
  readonly #link: Link;
  readonly #reservoir = new Reservoir(async (length) =>
    toBuffer(await this.#link.run('random', { length })),
  );

  constructor(link: Link) {
    this.#link = link;
  }

  fill(): Promise<void> {
    return this.#reservoir.fill();
  }

  draw(length: number): Buffer {
    requireRandomLength(length);
    const { inline } = this.#link.live;
    if (inline === undefined) return this.#reservoir.take(length);
    try {
      return inline.withSession((session) =>
        drawRandom({ library: inline.library, session }, length),
      );
    } catch (error) {
      void this.#link.explain(error);
      throw error;
    }
  }
}
