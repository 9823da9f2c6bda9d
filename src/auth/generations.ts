/**
 * A bounded cache by name: two generations of `capacity` entries each. A hit in the old one moves to
 * the young; when the young is full it becomes the old and the old is forgotten. That approximates
 * least-recently-used without reordering a map on every hit, which the hot path would pay for.
 */
export class Generations<V> {
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(private readonly capacity: number) {}

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(name: string): V | undefined {
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(name);
    if (old !== undefined) this.set(name, old);
    return old;
  }

  set(name: string, value: V): void {
    this.#old.delete(name);
    if (this.#young.size >= this.capacity && !this.#young.has(name)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, value);
  }

  /** Forgets every entry whose name starts with `prefix`. */
  dropPrefix(prefix: string): void {
    for (const generation of [this.#young, this.#old]) {
      for (const name of generation.keys()) {
        if (name.startsWith(prefix)) generation.delete(name);
      }
    }
  }
}
