import { FeedCache } from '../../src/db/cache';
import type { Change } from '../../src/db/queryable';

/** The feed as a cache sees it; its own tests use a real one. */
class Feed {
  trusted = true;
  epoch = 0;
  private readonly changeHandlers: ((change: Change) => void | Promise<void>)[] = [];
  private readonly resetHandlers: (() => void | Promise<void>)[] = [];

  onChange(handler: (change: Change) => void | Promise<void>): void {
    this.changeHandlers.push(handler);
  }

  onReset(handler: () => void | Promise<void>): void {
    this.resetHandlers.push(handler);
  }

  change(change: Change): void {
    this.epoch += 1;
    for (const handle of this.changeHandlers) void handle(change);
  }

  reset(): void {
    this.epoch += 1;
    for (const handle of this.resetHandlers) void handle();
  }
}

let feed: Feed;
let cache: FeedCache<string>;

beforeEach(() => {
  feed = new Feed();
  cache = new FeedCache({
    feed,
    capacity: 3,
    keyOf: ({ topic, id }) => (topic === 'key' ? id : undefined),
  });
});

const value = (of: string) => () => Promise.resolve(of);

test('What was loaded is found, and both are counted', async () => {
  expect(cache.get('a')).toBeUndefined();
  expect(await cache.load('a', value('one'))).toBe('one');
  expect(cache.get('a')).toBe('one');
  expect({ hits: cache.hits, misses: cache.misses }).toEqual({ hits: 1, misses: 1 });
});

test('A change drops its key and no other', async () => {
  await cache.load('a', value('one'));
  await cache.load('b', value('two'));
  feed.change({ topic: 'key', id: 'a' });
  feed.change({ topic: 'alias', id: 'b' });
  expect(cache.get('a')).toBeUndefined();
  expect(cache.get('b')).toBe('two');
});

test('A reset drops everything', async () => {
  await cache.load('a', value('one'));
  await cache.load('b', value('two'));
  feed.reset();
  expect(cache.size).toBe(0);
});

test('A load that began before a change is answered and not kept', async () => {
  let deliver: (found: string) => void = () => undefined;
  const loading = cache.load('a', () => new Promise((resolve) => (deliver = resolve)));
  feed.change({ topic: 'key', id: 'a' });
  deliver('stale');
  expect(await loading).toBe('stale');
  expect(cache.get('a')).toBeUndefined();
});

test('A load that began after a change does not share the read of one that began before', async () => {
  let deliver: (found: string) => void = () => undefined;
  const early = cache.load('a', () => new Promise((resolve) => (deliver = resolve)));
  feed.change({ topic: 'key', id: 'a' });
  expect(await cache.load('a', value('fresh'))).toBe('fresh');
  deliver('stale');
  expect(await early).toBe('stale');
  expect(cache.get('a')).toBe('fresh');
});

test('Loads of one key that coincide share one read', async () => {
  let reads = 0;
  const loader = () => Promise.resolve(`read ${(reads += 1)}`);
  const loads = [cache.load('a', loader), cache.load('a', loader), cache.load('a', loader)];
  expect(await Promise.all(loads)).toEqual(['read 1', 'read 1', 'read 1']);
});

test('Absence is never kept', async () => {
  expect(await cache.load('a', () => Promise.resolve(undefined))).toBeUndefined();
  expect(await cache.load('a', value('made'))).toBe('made');
});

test('A load that fails passes its error on, and the next one reads again', async () => {
  await expect(cache.load('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
  expect(await cache.load('a', value('one'))).toBe('one');
});

test('Without trust nothing is found, and every load reads for itself and keeps nothing', async () => {
  await cache.load('a', value('one'));
  feed.trusted = false;
  expect(cache.get('a')).toBeUndefined();
  let reads = 0;
  const loader = () => Promise.resolve(`read ${(reads += 1)}`);
  expect(await Promise.all([cache.load('b', loader), cache.load('b', loader)])).toEqual([
    'read 1',
    'read 2',
  ]);
  feed.trusted = true;
  expect(cache.get('b')).toBeUndefined();
});

test('Trust that was lost during a load keeps its value out', async () => {
  let deliver: (found: string) => void = () => undefined;
  const loading = cache.load('a', () => new Promise((resolve) => (deliver = resolve)));
  feed.trusted = false;
  deliver('one');
  await loading;
  feed.trusted = true;
  expect(cache.get('a')).toBeUndefined();
});

test('Beyond its capacity the entry that was used longest ago goes', async () => {
  for (const key of ['a', 'b', 'c']) await cache.load(key, value(key));
  cache.get('a');
  await cache.load('d', value('d'));
  expect(cache.size).toBe(3);
  expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key))).toEqual(['a', undefined, 'c', 'd']);
});

describe('A cache that keeps absence', () => {
  const none = () => Promise.resolve(undefined);

  beforeEach(() => {
    feed = new Feed();
    cache = new FeedCache({ feed, capacity: 1, absences: 2, keyOf: ({ id }) => id });
  });

  test('knows what there is not, until it is announced', async () => {
    expect(cache.lacks('a')).toBe(false);
    await cache.load('a', none);
    expect(cache.lacks('a')).toBe(true);
    feed.change({ topic: 'key', id: 'a' });
    expect(cache.lacks('a')).toBe(false);
  });

  test('knows so many at the most, and drops no entry for them', async () => {
    await cache.load('there', value('one'));
    for (const key of ['a', 'b', 'c']) await cache.load(key, none);
    expect(['a', 'b', 'c'].map((key) => cache.lacks(key))).toEqual([false, true, true]);
    expect(cache.get('there')).toBe('one');
  });

  test('does not keep what may have come meanwhile', async () => {
    let deliver: (found: undefined) => void = () => undefined;
    const loading = cache.load('a', () => new Promise((resolve) => (deliver = resolve)));
    feed.change({ topic: 'key', id: 'a' });
    deliver(undefined);
    await loading;
    expect(cache.lacks('a')).toBe(false);
  });

  test('knows nothing while the feed is not trusted, nor after a reset', async () => {
    await cache.load('a', none);
    feed.trusted = false;
    expect(cache.lacks('a')).toBe(false);
    feed.trusted = true;
    feed.reset();
    expect(cache.lacks('a')).toBe(false);
  });
});

test('A change drops what is in entries, where it says so', async () => {
  const texts = new FeedCache<string>({
    ...{ feed, capacity: 3 },
    keyOf: () => undefined,
    dropped: ({ topic, id }) =>
      topic === 'custom-key-store' ? (text) => text.startsWith(id) : undefined,
  });
  await texts.load('a', value('one'));
  await texts.load('b', value('two'));
  feed.change({ topic: 'key', id: 'o' });
  expect([texts.get('a'), texts.get('b')]).toEqual(['one', 'two']);
  feed.change({ topic: 'custom-key-store', id: 'o' });
  expect([texts.get('a'), texts.get('b')]).toEqual([undefined, 'two']);
});
