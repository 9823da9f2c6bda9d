import { HsmError } from './errors';
import type { Link } from './link';
import type {
  ImportedKey,
  ImportKeyBits,
  ImportPlace,
  TokenKeyId,
  TokenOptions,
  WrappedMaterial,
} from './types';

export interface ImportsParts {
  readonly options: TokenOptions;
  readonly link: Link;
  /** Runs key generations one after the other where the token needs that. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

/** The token's operations on imported key material. */
export class Imports {
  readonly #parts: ImportsParts;

  constructor(parts: ImportsParts) {
    this.#parts = parts;
  }

  generateKeyPair(_id: TokenKeyId, _label: string, _bits: ImportKeyBits): Promise<Buffer> {
    return this.#refuse();
  }

  destroyKeyPair(_id: TokenKeyId): Promise<void> {
    return this.#refuse();
  }

  identify(_imported: ImportedKey): Promise<TokenKeyId> {
    return this.#refuse();
  }

  admit(
    _imported: ImportedKey,
    _id: TokenKeyId,
    _place: ImportPlace,
  ): Promise<WrappedMaterial | undefined> {
    return this.#refuse();
  }

  #refuse(): Promise<never> {
    const { state } = this.#parts.link;
    return Promise.reject(new HsmError('mechanism-missing', `import: not available (${state})`));
  }
}
