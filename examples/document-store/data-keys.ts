/** A data key, and what Claviger made of it: `wrapped` is no secret, since Claviger alone opens it. */
export interface DataKey {
  /** 256 bits. Wiped when the key leaves its cache. */
  readonly plaintext: Buffer;
  readonly wrapped: Buffer;
  /** The material of the tenant's key by which it is wrapped. */
  readonly materialId: string;
}

export interface Limits {
  /** How often a key is used before another one is asked for. */
  readonly uses: number;
  readonly ageMs: number;
  /** How many keys are kept; beyond them the one that was used least lately leaves. */
  readonly entries: number;
}

/** Whose key it is, and for what: the same words mean the same key. */
export interface KeyName {
  readonly tenant: string;
  readonly words: readonly string[];
}

interface Entry {
  readonly id: string;
  readonly tenant: string;
  readonly loading: Promise<DataKey>;
  key?: DataKey;
  expiry?: NodeJS.Timeout;
  /** Uses that were given out, and those of them that are over. */
  taken: number;
  used: number;
  left: boolean;
}

/** Data keys in memory, each for so many uses and so long. One that leaves is wiped. */
export class DataKeys {
  /** Those that may be taken again; the one that was taken least lately is the first. */
  readonly #byName = new Map<string, Entry>();
  /** All that are in memory: those too whose last use was given out and is not over. */
  readonly #live = new Set<Entry>();
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** How many there are, or are being asked for. */
  get size(): number {
    return this.#live.size;
  }

  /**
   * Uses the key of that name, which `load` asks Claviger for where there is none; who wants it meanwhile shares the request.
   * `work` has the key for as long as it runs, and may not wait: nothing wipes the key while it is used.
   */
  async use<T>(
    name: KeyName,
    load: () => Promise<DataKey>,
    work: (key: DataKey) => NoPromise<T>,
  ): Promise<T> {
    for (;;) {
      const entry = this.#take(name, load);
      const key = await entry.loading;
      // It left while we waited, because its tenant was shredded or its time was over: ask again.
      if (entry.left) continue;
      try {
        return work(key);
      } finally {
        entry.used += 1;
        if (entry.used === this.#limits.uses) this.#remove(entry);
      }
    }
  }

  /** The keys of a tenant, or all, leave now; those that are being asked for are not used when they come. */
  forget(tenant?: string): void {
    for (const entry of this.#live) {
      if (tenant === undefined || entry.tenant === tenant) this.#remove(entry);
    }
  }

  #take({ tenant, words }: KeyName, load: () => Promise<DataKey>): Entry {
    const id = JSON.stringify([tenant, ...words]);
    const entry = this.#byName.get(id) ?? this.#ask({ id, tenant }, load());
    entry.taken += 1;
    this.#byName.delete(id);
    if (entry.taken < this.#limits.uses) this.#byName.set(id, entry);
    return entry;
  }

  #ask(name: Pick<Entry, 'id' | 'tenant'>, loading: Promise<DataKey>): Entry {
    const entry: Entry = { ...name, loading, taken: 0, used: 0, left: false };
    this.#live.add(entry);
    loading.then(
      (key) => this.#keep(entry, key),
      // A failure is not kept: whoever comes next asks again.
      () => this.#remove(entry),
    );
    return entry;
  }

  #keep(entry: Entry, key: DataKey): void {
    entry.key = key;
    if (entry.left) {
      wipe(entry);
      return;
    }
    entry.expiry = setTimeout(() => this.#remove(entry), this.#limits.ageMs).unref();
    const oldest = [...this.#byName.values()].find((other) => other.key && other !== entry);
    if (this.#byName.size > this.#limits.entries && oldest) this.#remove(oldest);
  }

  #remove(entry: Entry): void {
    if (this.#byName.get(entry.id) === entry) this.#byName.delete(entry.id);
    this.#live.delete(entry);
    entry.left = true;
    clearTimeout(entry.expiry);
    wipe(entry);
  }
}

/** What is not waited for. */
type NoPromise<T> = T extends PromiseLike<unknown> ? never : T;

function wipe({ key }: Entry): void {
  key?.plaintext.fill(0);
}
