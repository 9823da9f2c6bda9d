import type { KeyRow } from './algorithms/key-rows';
import { idBytes } from './formats';
import type { KeyObjects, UsableObject } from './key-objects';
import type { Link } from './link';
import { TokenFault } from './return-values';
import type { Awaitable, TokenKey } from './types';

type Work<T> = (object: UsableObject) => Awaitable<T>;

/** Using keys, over a cache of their objects in the token. */
export class KeyUse {
  readonly #link: Link;
  readonly #objects: KeyObjects;

  constructor({ link, objects }: { readonly link: Link; readonly objects: KeyObjects }) {
    this.#link = link;
    this.#objects = objects;
  }

  /**
   * The hot path: of a quick kind on a local token, with a cached handle or a wrapping key that is known, everything happens
   * before this returns. `row`: the kind that the key must be of.
   */
  use<T>(key: TokenKey, row: KeyRow, work: Work<T>): Awaitable<T> {
    if (this.#link.live.inline === undefined || !row.quick) return this.#later(key, row, work);
    try {
      const object = this.#objects.now(key, row);
      if (object !== undefined) return work(object);
    } catch (error) {
      return this.#again(error, key, { row, work });
    }
    return this.#later(key, row, work);
  }

  async #later<T>(key: TokenKey, row: KeyRow, work: Work<T>): Promise<T> {
    try {
      idBytes(key.id);
      return await this.#objects.lend(key, row, work);
    } catch (error) {
      return this.#again(error, key, { row, work });
    }
  }

  /** Once more where the failure allows it: a stale handle is looked up again, a lost session replaced. */
  async #again<T>(
    thrown: unknown,
    key: TokenKey,
    { row, work }: { readonly row: KeyRow; readonly work: Work<T> },
  ): Promise<T> {
    const error = await this.#link.explain(thrown);
    if (!(error instanceof TokenFault) || error.meaning.again !== true) throw error;
    if (error.meaning.stale === true) this.#objects.forget(key);
    try {
      return await this.#objects.lend(key, row, work);
    } catch (second) {
      throw await this.#link.explain(second);
    }
  }
}
