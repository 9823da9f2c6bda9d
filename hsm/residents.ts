import { toBuffer, toThread } from './formats';
import type { KeyObject } from './handles';
import type { Link } from './link';
import type { Handle } from './module';
import type { Found } from './resident-tasks';
import type { TokenKeyId, TokenOptions } from './types';

export interface ResidentsParts {
  readonly options: TokenOptions;
  readonly link: Link;
}

/** Full scans, of the token's objects and of its capabilities. */
export const scanDeadlineMs = 60_000;

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
  #known = new Map<TokenKeyId, Handle>();
  /** Two keys have this id, or had: only a search tells. */
  #ambiguous = new Set<TokenKeyId>();
  #scan: Promise<void> | undefined;
  #scanned = false;
  #search: Promise<unknown> | undefined;
  /** Searches for one key id. */
  searches = 0;

  constructor(parts: ResidentsParts) {
    this.#parts = parts;
  }

  async resolve(id: TokenKeyId): Promise<KeyObject> {
    const { clones } = this.#parts.link.live;
    const { object, own } = await this.#find(id, (known) =>
      this.#parts.link.run('resolve', { id, clone: clones, known }),
    );
    return { object: toBuffer(object), own };
  }

  async has(id: TokenKeyId): Promise<boolean> {
    const found = await this.#find(id, (known) => this.#parts.link.run('findKey', { id, known }));
    return found.key !== undefined;
  }

  /** A key that was made. */
  add(id: TokenKeyId, key: Uint8Array): void {
    if (this.#parts.options.local) this.#note(id, toBuffer(key));
  }

  delete(id: TokenKeyId): void {
    this.#known.delete(id);
  }

  /** At the end of a life of the module: the numbers may soon name other objects. */
  drop(): void {
    this.#known = new Map();
    this.#ambiguous = new Set();
    this.#scan = undefined;
    this.#scanned = false;
    this.#search = undefined;
  }

  async #find<T extends Found>(
    id: TokenKeyId,
    ask: (known: Uint8Array | undefined) => Promise<T>,
  ): Promise<T> {
    while (this.#isUnknown(id) && this.#search !== undefined) {
      await Promise.race([this.#scan ?? this.#search, this.#search]);
    }
    return this.#ask(id, ask);
  }

  /** The scan would tell, and is not done. */
  #isUnknown(id: TokenKeyId): boolean {
    return this.#parts.options.local && !this.#scanned && !this.#known.has(id);
  }

  async #ask<T extends Found>(
    id: TokenKeyId,
    ask: (known: Uint8Array | undefined) => Promise<T>,
  ): Promise<T> {
    const known = this.#known.get(id);
    const asked = ask(known && toThread(known));
    if (known === undefined) this.#searching(asked);
    const notes = this.#known;
    const found = await asked;
    if (found.searched) this.searches += 1;
    if (notes !== this.#known || !found.searched) return found;
    this.#known.delete(id);
    this.#ambiguous.delete(id);
    if (found.key !== undefined) this.add(id, found.key);
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
    const notes = this.#known;
    const scan = this.#readAll(notes)
      .catch((error: unknown) => {
        if (notes !== this.#known) return;
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

  async #readAll(notes: ReadonlyMap<TokenKeyId, Handle>): Promise<void> {
    const { link } = this.#parts;
    const { handles, size } = await link.run('listHandles', undefined, {
      deadlineMs: scanDeadlineMs,
    });
    for (let at = 0; at < handles.length; at += batchKeys * size) {
      if (notes !== this.#known) return;
      const batch = handles.subarray(at, at + batchKeys * size);
      const ids = await link.run('readIds', { handles: toThread(batch), size });
      if (notes !== this.#known) return;
      for (const [index, id] of ids.entries()) {
        if (id !== '') this.#note(id, toBuffer(batch.subarray(index * size, (index + 1) * size)));
      }
    }
  }

  #note(id: TokenKeyId, key: Handle): void {
    const known = this.#known.get(id);
    if (known === undefined && !this.#ambiguous.has(id)) {
      this.#known.set(id, key);
    } else if (known?.equals(key) === false) {
      this.#known.delete(id);
      this.#ambiguous.add(id);
    }
  }
}
