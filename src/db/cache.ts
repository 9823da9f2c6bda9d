import type { ChangeFeed } from './changes';
import type { Change } from './queryable';

export interface FeedCacheOptions<V = unknown> {
  readonly feed: Pick<ChangeFeed, 'trusted' | 'epoch' | 'onChange' | 'onReset'>;
  /** Entries at the most; the one that was used longest ago goes first. */
  readonly capacity: number;
  /** The key that a change drops, or `*` for all; undefined when the change is about something else. */
  readonly keyOf: (change: Change) => string | undefined;
  /** Entries that a change drops for what is in them; undefined when the change is about something else. */
  readonly dropped?: (change: Change) => ((value: V) => boolean) | undefined;
  /**
   * How many keys are kept in mind that there is nothing for, beside those entries: only where whatever makes an entry
   * announces it.
   */
  readonly absences?: number;
}

const everything = '*';

interface Load<V> {
  readonly epoch: number;
  readonly value: Promise<V | undefined>;
}

/**
 * What a worker knows of the database, kept true by the change feed. While the feed is not trusted nothing is found and
 * nothing is kept. Absence is not kept, unless it is asked for: what does not exist now may be created by a worker that tells
 * nobody.
 */
export class FeedCache<V> {
  hits = 0;
  misses = 0;
  private readonly entries = new Map<string, V>();
  private readonly absent = new Map<string, true>();
  private readonly loads = new Map<string, Load<V>>();

  constructor(private readonly options: FeedCacheOptions<V>) {
    options.feed.onChange((change) => {
      const key = options.keyOf(change);
      if (key === everything) this.clear();
      else if (key !== undefined) {
        this.entries.delete(key);
        this.absent.delete(key);
      }
    });
    const { dropped } = options;
    if (dropped !== undefined) options.feed.onChange((change) => this.dropIf(dropped(change)));
    options.feed.onReset(() => this.clear());
  }

  get size(): number {
    return this.entries.size;
  }

  /** Looks at every entry: of changes that are rare. */
  private dropIf(isDropped: ((value: V) => boolean) | undefined): void {
    if (isDropped === undefined) return;
    for (const [key, value] of this.entries) if (isDropped(value)) this.entries.delete(key);
  }

  get(key: string): V | undefined {
    const value = this.options.feed.trusted ? this.entries.get(key) : undefined;
    if (value === undefined) {
      this.misses += 1;
      return undefined;
    }
    this.hits += 1;
    // A Map is ordered by insertion: the first entry is the one used longest ago.
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  /** It is known that there is nothing. */
  lacks(key: string): boolean {
    return this.absent.has(key) && this.options.feed.trusted;
  }

  /**
   * Reads the value from its source, and keeps it unless anything changed meanwhile. Loads of one key that coincide
   * share a read, but never one that began before a change: its caller may already know of the change.
   */
  async load(key: string, loader: () => Promise<V | undefined>): Promise<V | undefined> {
    const { feed } = this.options;
    if (!feed.trusted) return loader();
    const running = this.loads.get(key);
    if (running?.epoch === feed.epoch) return running.value;
    const load: Load<V> = { epoch: feed.epoch, value: loader() };
    this.loads.set(key, load);
    try {
      const value = await load.value;
      if (this.isCurrent(load)) this.keep(key, value);
      return value;
    } finally {
      if (this.loads.get(key) === load) this.loads.delete(key);
    }
  }

  private isCurrent({ epoch }: Load<V>): boolean {
    const { feed } = this.options;
    return feed.trusted && feed.epoch === epoch;
  }

  private keep(key: string, value: V | undefined): void {
    const { capacity, absences = 0 } = this.options;
    if (value !== undefined) keepIn(this.entries, { key, value, capacity });
    else if (absences > 0) keepIn(this.absent, { key, value: true, capacity: absences });
  }

  private clear(): void {
    this.entries.clear();
    this.absent.clear();
  }
}

function keepIn<V>(
  map: Map<string, V>,
  { key, value, capacity }: { key: string; value: V; capacity: number },
): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= capacity) break;
    map.delete(oldest);
  }
}
