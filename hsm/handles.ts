import { HsmError } from './errors';
import type { Handle } from './module';
import type { Awaitable, TokenKey, TokenKeyId } from './types';

/**
 * The fastest object of a key in the token: a clone of a resident key or an unwrapped one, both in the owner session, or
 * the token object itself.
 */
export interface KeyObject {
  readonly object: Handle;
  /** It is a session object made for the cache, and has to be destroyed when it leaves. */
  readonly own: boolean;
}

export interface HandlesOptions<K, O> {
  readonly max: number;
  readonly resolve: (key: K) => Promise<O>;
  /** Destroys an object nobody will use again. Never called for objects of an earlier life of the module. */
  readonly release: (key: O) => void;
}

interface Lookup<O> {
  readonly found: Promise<O>;
  /** `evicted`: the answer is out of date. `dropped`: its numbers mean nothing any more. */
  state: 'wanted' | 'evicted' | 'dropped';
  /** How many wait for the answer. */
  borrowers: number;
  /** What Handles.#evictions was when the answer was taken in. */
  evictions: number;
}

/** Objects that are destroyed at once: some milliseconds. */
const releasedAtOnce = 500;

/** An eviction starts a running look-up over; more often than this, somebody evicts in a loop. */
const maxLookups = 4;

/**
 * Key id to object handle, least recently used first. A clone outlives its original, so an eviction must hold: a
 * look-up that was under way when its key was evicted is thrown away and made again.
 */
export class Handles<
  K extends { readonly id: TokenKeyId } = TokenKey,
  O extends KeyObject = KeyObject,
> {
  readonly #options: HandlesOptions<K, O>;
  readonly #cached = new Map<TokenKeyId, O>();
  readonly #lookups = new Map<TokenKeyId, Lookup<O>>();
  /** How many use an object now. */
  readonly #lent = new Map<O, number>();
  /** Out of the cache, and to be destroyed when nobody uses them any more. */
  readonly #leaving = new Set<O>();
  /** Objects of an earlier one are not destroyed. */
  #life = 0;
  /** How often a key was to be forgotten. A use that has not begun when its key is, begins with another look-up. */
  #evictions = 0;
  hits = 0;
  misses = 0;

  constructor(options: HandlesOptions<K, O>) {
    this.#options = options;
  }

  get size(): number {
    return this.#cached.size;
  }

  /** The cached object, without waiting. */
  get(id: TokenKeyId): O | undefined {
    const key = this.#cached.get(id);
    if (key === undefined) return undefined;
    this.hits += 1;
    // A Map iterates in insertion order: put it back as the youngest.
    this.#cached.delete(id);
    this.#cached.set(id, key);
    return key;
  }

  /**
   * The object, looked up where it is not cached, for work that may wait for a lane. It is not destroyed before that has
   * ended: a token may give its number to another key's object, and what was to be sealed under this key would be sealed
   * under that.
   */
  async lend<T>(key: K, work: (object: O) => Awaitable<T>): Promise<T> {
    const object = this.#borrow(key.id) ?? (await this.#findLent(key));
    try {
      return await work(object);
    } finally {
      this.#giveBack(object);
    }
  }

  #borrow(id: TokenKeyId): O | undefined {
    const object = this.get(id);
    if (object !== undefined) this.#addUsers(object, 1);
    return object;
  }

  /**
   * Callers that miss together share one look-up. Its answer is lent to them before anybody else can displace it from the
   * cache, however many keys are used at once.
   */
  async #findLent(key: K): Promise<O> {
    for (let attempt = 0; attempt < maxLookups; attempt += 1) {
      this.misses += 1;
      const lookup = this.#lookups.get(key.id) ?? this.#start(key);
      lookup.borrowers += 1;
      const object = await lookup.found;
      if (lookup.state === 'dropped') break;
      if (lookup.state === 'wanted') {
        if (lookup.evictions === this.#evictions) return object;
        this.#giveBack(object);
      }
      const cached = this.#borrow(key.id);
      if (cached !== undefined) return cached;
    }
    throw evictedMeanwhile();
  }

  #addUsers(object: O, users: number): void {
    if (users > 0) this.#lent.set(object, (this.#lent.get(object) ?? 0) + users);
  }

  #giveBack(object: O): void {
    const users = (this.#lent.get(object) ?? 1) - 1;
    if (users > 0) {
      this.#lent.set(object, users);
      return;
    }
    this.#lent.delete(object);
    if (this.#leaving.delete(object)) this.#options.release(object);
  }

  #release(object: O): void {
    if (this.#lent.has(object)) this.#leaving.add(object);
    else this.#options.release(object);
  }

  /** Takes in an object that was made without a look-up. */
  put(id: TokenKeyId, object: O): void {
    this.misses += 1;
    this.#keep(id, object);
  }

  evict(id: TokenKeyId): void {
    this.#evictions += 1;
    const lookup = this.#lookups.get(id);
    if (lookup !== undefined) {
      lookup.state = 'evicted';
      this.#lookups.delete(id);
    }
    this.#remove(id);
  }

  #remove(id: TokenKeyId): void {
    const key = this.#cached.get(id);
    if (key === undefined) return;
    this.#cached.delete(id);
    this.#release(key);
  }

  /**
   * As evict, for every key: none is used again. Destroying a hundred thousand objects takes SoftHSM seconds, so those that
   * are beyond the first slice are destroyed between other work.
   */
  evictAll(): void {
    this.#evictions += 1;
    for (const id of [...this.#lookups.keys()]) this.evict(id);
    const objects = [...this.#cached.values()];
    this.#cached.clear();
    this.#releaseInSlices(objects, this.#life);
  }

  #releaseInSlices(objects: readonly O[], life: number): void {
    for (const object of objects.slice(0, releasedAtOnce)) this.#release(object);
    if (objects.length <= releasedAtOnce) return;
    const rest = objects.slice(releasedAtOnce);
    setImmediate(() => {
      if (this.#life === life) this.#releaseInSlices(rest, life);
    });
  }

  /** Forgets everything at the end of a life of the module; the numbers may soon name other objects. */
  drop(): void {
    for (const lookup of this.#lookups.values()) lookup.state = 'dropped';
    this.#lookups.clear();
    this.#cached.clear();
    this.#leaving.clear();
    this.#evictions += 1;
    this.#life += 1;
  }

  #start(key: K): Lookup<O> {
    const { id } = key;
    const lookup: Lookup<O> = {
      found: this.#options.resolve(key).then(
        (object) => this.#settle(id, lookup, object),
        (error: unknown) => {
          if (this.#lookups.get(id) === lookup) this.#lookups.delete(id);
          throw error;
        },
      ),
      state: 'wanted',
      borrowers: 0,
      evictions: 0,
    };
    this.#lookups.set(id, lookup);
    return lookup;
  }

  #settle(id: TokenKeyId, lookup: Lookup<O>, object: O): O {
    if (lookup.state === 'evicted') this.#release(object);
    if (lookup.state !== 'wanted') return object;
    this.#lookups.delete(id);
    const cached = this.#cached.get(id);
    this.#addUsers(cached ?? object, lookup.borrowers);
    lookup.evictions = this.#evictions;
    if (cached === undefined) return this.#keep(id, object);
    // `put` was faster.
    this.#release(object);
    return cached;
  }

  #keep(id: TokenKeyId, object: O): O {
    this.#cached.set(id, object);
    if (this.#cached.size > this.#options.max) this.#dropEldest();
    return object;
  }

  #dropEldest(): void {
    const [eldest] = this.#cached.keys();
    if (eldest !== undefined) this.#remove(eldest);
  }
}

function evictedMeanwhile(): HsmError {
  return new HsmError('token-unavailable', 'the key was evicted while it was looked up');
}
