import { HsmError } from './errors';
import { idBytes } from './formats';
import type { Residents } from './residents';
import type { TokenKeyId } from './types';
import type { WrappingParts } from './wrapping';

export interface GenerationParts extends WrappingParts {
  readonly residents: Residents;
}

/** Generating resident keys. */
export class Generation {
  readonly #parts: GenerationParts;
  readonly #running = new Set<TokenKeyId>();

  constructor(parts: GenerationParts) {
    this.#parts = parts;
  }

  async generateAesKey(id: TokenKeyId, label: string): Promise<void> {
    idBytes(id);
    if (this.#running.has(id)) {
      throw new HsmError('duplicate-key', `C_GenerateKey: CKA_ID ${id} is being generated`);
    }
    this.#running.add(id);
    try {
      await this.#parts.inTurn(() => this.#generate(id, label));
    } finally {
      this.#running.delete(id);
    }
  }

  async #generate(id: TokenKeyId, label: string): Promise<void> {
    const { link, options, residents } = this.#parts;
    const { modifiable } = link.live;
    const { ivSource, durableDirectory } = options;
    const args = { id, label, modifiable, ivSource, durableDirectory };
    residents.add(id, await link.run('generateAes', args));
  }
}
