import { classOf, type KeyRow } from './algorithms/key-rows';
import { toBuffer, toThread } from './formats';
import { KeyIndex } from './key-index';
import type { UsableObject } from './key-objects';
import type { Link } from './link';
import type { KeyClass } from './objects';
import type { Found } from './resident-tasks';
import type { TokenKeyId, TokenOptions } from './types';

export interface ResidentsParts {
  readonly options: TokenOptions;
  readonly link: Link;
}

/** Full scans, of the token's objects and of its capabilities. */
export const scanDeadlineMs = 60_000;

type Indices = Readonly<Record<KeyClass, KeyIndex>>;

function emptyIndices(): Indices {
  return { secret: new KeyIndex(), private: new KeyIndex() };
}

/** A key of one class. */
interface Wanted {
  readonly id: TokenKeyId;
  readonly keyClass: KeyClass;
}

/** Keys whose ids one lane call reads: 20 ms on SoftHSM, after which whoever waits for the lane has his turn. */
const batchKeys = 250;

/**
 * Where the resident keys are in the token. SoftHSM compares every object in each search (175 ms at 10,000 keys), so that
 * the first use of n keys would cost n². On a local token the first search is therefore followed by one scan of all of
 * them, in the background; until that is done, one search at a time is made beside it. What was found is a hint and is
 * checked against the object's own CKA_ID whenever it is used, so that eviction is no reason to forget it.
 *
 * A networked token indexes its objects itself, and would take a round trip for each: there every miss is a search.
 */
export class Residents {
  readonly #parts: ResidentsParts;
  #indices = emptyIndices();
  #scan: Promise<void> | undefined;
  #scanned = false;
  #search: Promise<unknown> | undefined;
  /** Searches for one key id. */
  searches = 0;

  constructor(parts: ResidentsParts) {
    this.#parts = parts;
  }

  /** Throws `key-not-found` where the key of this id is of another kind. */
  async resolve(id: TokenKeyId, row: KeyRow): Promise<UsableObject> {
    const { link } = this.#parts;
    const { clones } = link.live;
    const { object, own } = await this.#find({ id, keyClass: classOf(row) }, (known) =>
      link.run('resolve', { id, kind: row.kind, clone: clones, known }),
    );
    return { object: toBuffer(object), own, row };
  }

  /** Whether there is a secret key of this id. */
  async has(id: TokenKeyId): Promise<boolean> {
    const wanted: Wanted = { id, keyClass: 'secret' };
    const found = await this.#find(wanted, (known) =>
      this.#parts.link.run('findKey', { id, known }),
    );
    return found.key !== undefined;
  }

  /** A key that was made. */
  add(id: TokenKeyId, key: Uint8Array, keyClass: KeyClass): void {
    if (this.#parts.options.local) this.#indices[keyClass].note(id, toBuffer(key));
  }

  delete(id: TokenKeyId): void {
    this.#indices.secret.delete(id);
    this.#indices.private.delete(id);
  }

  /** At the end of a life of the module: the numbers may soon name other objects. */
  drop(): void {
    this.#indices = emptyIndices();
    this.#scan = undefined;
    this.#scanned = false;
    this.#search = undefined;
  }

  async #find<T extends Found>(
    wanted: Wanted,
    ask: (known: Uint8Array | undefined) => Promise<T>,
  ): Promise<T> {
    while (this.#isUnknown(wanted) && this.#search !== undefined) {
      await Promise.race([this.#scan ?? this.#search, this.#search]);
    }
    return this.#ask(wanted, ask);
  }

  /** The scan would tell, and is not done. */
  #isUnknown({ id, keyClass }: Wanted): boolean {
    const { local } = this.#parts.options;
    return local && !this.#scanned && this.#indices[keyClass].get(id) === undefined;
  }

  async #ask<T extends Found>(
    { id, keyClass }: Wanted,
    ask: (known: Uint8Array | undefined) => Promise<T>,
  ): Promise<T> {
    const indices = this.#indices;
    const known = indices[keyClass].get(id);
    const asked = ask(known && toThread(known));
    if (known === undefined) this.#searching(asked);
    const found = await asked;
    if (found.searched) this.searches += 1;
    if (indices !== this.#indices || !found.searched) return found;
    indices[keyClass].forget(id);
    if (found.key !== undefined) this.add(id, found.key, keyClass);
    return found;
  }

  #searching(asked: Promise<unknown>): void {
    const search = asked
      .catch(() => undefined)
      .then(() => {
        if (this.#search !== search) return;
        this.#search = undefined;
        if (this.#parts.options.local) this.#begin();
      });
    this.#search = search;
  }

  #begin(): void {
    if (this.#scan !== undefined || this.#scanned) return;
    const indices = this.#indices;
    const scan = this.#readAll(indices)
      .catch((error: unknown) => {
        if (indices !== this.#indices) return;
        const message = error instanceof Error ? error.message : String(error);
        this.#parts.options.onEvent?.({ level: 'warn', message: `keys not indexed: ${message}` });
      })
      .then(() => {
        if (this.#scan !== scan) return;
        this.#scan = undefined;
        // Not once more, even if it failed: every miss would begin another one.
        this.#scanned = true;
      });
    this.#scan = scan;
  }

  async #readAll(indices: Indices): Promise<void> {
    for (const keyClass of ['secret', 'private'] as const) {
      if (indices !== this.#indices) return;
      await this.#readClass(indices, keyClass);
    }
  }

  async #readClass(indices: Indices, keyClass: KeyClass): Promise<void> {
    const { link } = this.#parts;
    const patience = { deadlineMs: scanDeadlineMs };
    const { handles, size } = await link.run('listHandles', { keyClass }, patience);
    for (let at = 0; at < handles.length; at += batchKeys * size) {
      if (indices !== this.#indices) return;
      const batch = handles.subarray(at, at + batchKeys * size);
      const ids = await link.run('readIds', { handles: toThread(batch), size });
      if (indices !== this.#indices) return;
      for (const [index, id] of ids.entries()) {
        const key = toBuffer(batch.subarray(index * size, (index + 1) * size));
        if (id !== '') indices[keyClass].note(id, key);
      }
    }
  }
}
