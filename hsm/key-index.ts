import type { Handle } from './module';
import type { TokenKeyId } from './types';

/** Where the keys of one class were found. A hint: whoever uses it asks the object itself. */
export class KeyIndex {
  readonly #known = new Map<TokenKeyId, Handle>();
  /** Two keys have this id, or had: only a search tells. */
  readonly #ambiguous = new Set<TokenKeyId>();

  get(id: TokenKeyId): Handle | undefined {
    return this.#known.get(id);
  }

  note(id: TokenKeyId, key: Handle): void {
    const known = this.#known.get(id);
    if (known === undefined && !this.#ambiguous.has(id)) {
      this.#known.set(id, key);
    } else if (known?.equals(key) === false) {
      this.#known.delete(id);
      this.#ambiguous.add(id);
    }
  }

  delete(id: TokenKeyId): void {
    this.#known.delete(id);
  }

  /** A search tells what is there now. */
  forget(id: TokenKeyId): void {
    this.#known.delete(id);
    this.#ambiguous.delete(id);
  }
}
