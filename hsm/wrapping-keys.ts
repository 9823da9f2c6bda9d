import type { Handle } from './module';
import type { TokenKeyId } from './types';

/**
 * Handles of the wrapping keys: a few, each found once a connection, and apart from the handles of keys in use. Evicting
 * what a wrapping key unwrapped is no reason to search the token for it again.
 */
export class WrappingKeys {
  readonly #found = new Map<TokenKeyId, Handle>();
  readonly #searches = new Map<TokenKeyId, Promise<Handle>>();

  constructor(private readonly search: (id: TokenKeyId) => Promise<Handle>) {}

  /** Without waiting. */
  get(id: TokenKeyId): Handle | undefined {
    return this.#found.get(id);
  }

  /** Searched for where it is not known; callers share one search. */
  find(id: TokenKeyId): Promise<Handle> {
    const found = this.#found.get(id);
    if (found !== undefined) return Promise.resolve(found);
    return this.#searches.get(id) ?? this.#start(id);
  }

  forget(id: TokenKeyId): void {
    this.#found.delete(id);
    this.#searches.delete(id);
  }

  /** At the end of a life of the module: the numbers may soon name other objects. */
  drop(): void {
    this.#found.clear();
    this.#searches.clear();
  }

  #start(id: TokenKeyId): Promise<Handle> {
    const search = this.search(id).then(
      (key) => {
        if (this.#searches.get(id) === search) {
          this.#searches.delete(id);
          this.#found.set(id, key);
        }
        return key;
      },
      (error: unknown) => {
        if (this.#searches.get(id) === search) this.#searches.delete(id);
        throw error;
      },
    );
    this.#searches.set(id, search);
    return search;
  }
}
