import { isSecret } from './algorithms/key-rows';
import { HsmError } from './errors';
import { idBytes, toBuffer } from './formats';
import type { KeyPairs } from './key-pairs';
import { type Shape, shapeOf } from './material/shapes';
import type { Residents } from './residents';
import type { Exclusively, GeneratedKey, MaterialKind, TokenKeyId } from './types';
import type { WrappingParts } from './wrapping';

export interface GenerationParts extends WrappingParts {
  readonly residents: Residents;
  readonly pairs: KeyPairs;
}

interface NewKey {
  readonly kind: MaterialKind;
  readonly id: TokenKeyId;
  readonly label: string;
}

/** A key that was made. */
interface Made {
  readonly key: Uint8Array;
  readonly publicKey: Uint8Array | undefined;
}

/** Generating resident keys. */
export class Generation {
  readonly #parts: GenerationParts;
  readonly #running = new Set<TokenKeyId>();

  constructor(parts: GenerationParts) {
    this.#parts = parts;
  }

  async generateKey(
    kind: MaterialKind,
    { id, label }: { readonly id: TokenKeyId; readonly label: string },
    exclusively: Exclusively = (work) => work(),
  ): Promise<GeneratedKey> {
    idBytes(id);
    if (this.#running.has(id)) {
      throw new HsmError('duplicate-key', `C_GenerateKey: CKA_ID ${id} is being generated`);
    }
    this.#running.add(id);
    try {
      const { key, publicKey } = await this.#generate({ kind, id, label }, exclusively);
      this.#parts.residents.add(id, key);
      return { publicKey: publicKey && toBuffer(publicKey) };
    } finally {
      this.#running.delete(id);
    }
  }

  #generate(key: NewKey, exclusively: Exclusively): Promise<Made> {
    const { pairs, inTurn } = this.#parts;
    const shape = shapeOf(key.kind.spec);
    if (isSlow(shape)) return pairs.generate({ ...key, spec: key.kind }, exclusively);
    const work = isSecret(shape)
      ? () => this.#generateSecret(key)
      : () => pairs.generateAtOnce({ ...key, spec: key.kind });
    return exclusively(() => inTurn(() => this.#orRecover(work)));
  }

  /**
   * Once more where the first attempt at recovery heals the token at once. SoftHSM 2.6.1 gives a token up for good
   * (OSToken::index) where it reads the directory again, because another process made a key, while a third one logs in;
   * who notices is most often the next to generate. A key that was made nevertheless is found: its id is taken.
   */
  async #orRecover<T>(work: () => Promise<T>): Promise<T> {
    const { link } = this.#parts;
    try {
      return await work();
    } catch (error) {
      const isLost = error instanceof HsmError && error.code === 'token-unavailable';
      if (!isLost || link.state !== 'recovering') throw error;
      await link.recovery.tried();
      return work();
    }
  }

  async #generateSecret(key: NewKey): Promise<Made> {
    const { link, options } = this.#parts;
    const { modifiable } = link.live;
    const { ivSource, durableDirectory } = options;
    const args = { ...key, modifiable, ivSource, durableDirectory };
    return { key: await link.run('generateSecret', args), publicKey: undefined };
  }
}

/** RSA takes seconds: nobody waits for it who need not. */
function isSlow({ family }: Shape): boolean {
  return family === 'rsa';
}
