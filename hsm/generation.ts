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
      await this.#parts.inTurn(() => this.#generateOrRecover(id, label));
    } finally {
      this.#running.delete(id);
    }
  }

  /**
   * Once more where the first attempt at recovery heals the token at once. SoftHSM 2.6.1 gives a token up for good
   * (OSToken::index) where it reads the directory again, because another process made a key, while a third one logs in;
   * who notices is most often the next to generate. A key that was made nevertheless is found: requireFree.
   */
  async #generateOrRecover(id: TokenKeyId, label: string): Promise<void> {
    const { link } = this.#parts;
    try {
      await this.#generate(id, label);
    } catch (error) {
      const isLost = error instanceof HsmError && error.code === 'token-unavailable';
      if (!isLost || link.state !== 'recovering') throw error;
      await link.recovery.tried();
      await this.#generate(id, label);
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
