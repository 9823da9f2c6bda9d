import { BatchedWrites } from '../../src/db';
import { until } from '../support/until';

type Batch = ReadonlyMap<string, number>;

interface Trial {
  readonly writes: BatchedWrites<number>;
  /** What was given to write, in order. */
  readonly batches: Record<string, number>[];
  readonly failures: unknown[];
}

function open(
  write: (batch: Batch) => Promise<readonly string[]> = () => Promise.resolve([]),
  { intervalMs = 3_600_000, batchSize = 100 } = {},
): Trial {
  const [batches, failures]: [Trial['batches'], unknown[]] = [[], []];
  const writes = new BatchedWrites<number>({
    ...{ intervalMs, batchSize },
    write: (batch) => {
      batches.push(Object.fromEntries(batch));
      return write(batch);
    },
    onFailed: (error) => void failures.push(error),
  });
  return { writes, batches, failures };
}

test('The latest value of each id is written once, and nothing when nothing was noted', async () => {
  const { writes, batches } = open();
  await writes.flush();
  writes.note('a', 1);
  writes.note('b', 2);
  writes.note('a', 3);
  expect(writes.unwritten('a')).toBe(3);
  await writes.flush();
  expect(writes.unwritten('a')).toBeUndefined();
  await writes.close();
  expect(batches).toEqual([{ a: 3, b: 2 }]);
});

test('Values leave in batches of the size', async () => {
  const { writes, batches } = open(undefined, { batchSize: 2 });
  for (const [index, id] of ['a', 'b', 'c', 'd', 'e'].entries()) writes.note(id, index);
  await writes.close();
  expect(batches).toEqual([{ a: 0, b: 1 }, { c: 2, d: 3 }, { e: 4 }]);
});

test('What is on its way is still told of as not written', async () => {
  let arrived: () => void = () => undefined;
  const way = new Promise<readonly string[]>((resolve) => (arrived = () => resolve([])));
  const { writes, batches } = open(() => way);
  writes.note('a', 1);
  const flushing = writes.flush();
  expect(writes.unwritten('a')).toBe(1);
  writes.note('a', 2);
  expect(writes.unwritten('a')).toBe(2);
  arrived();
  await flushing;
  expect(writes.unwritten('a')).toBe(2);
  await writes.close();
  expect(batches).toEqual([{ a: 1 }, { a: 2 }]);
});

test('What was left and what failed goes with the next batch, unless something newer was noted', async () => {
  let answer: () => Promise<readonly string[]> = () => Promise.resolve(['b', 'gone']);
  const { writes, batches, failures } = open(() => answer());
  writes.note('a', 1);
  writes.note('b', 2);
  await writes.flush();
  expect(writes.unwritten('b')).toBe(2);
  answer = () => {
    writes.note('b', 3);
    return Promise.reject(new Error('no database'));
  };
  writes.note('c', 4);
  await writes.flush();
  answer = () => Promise.resolve([]);
  await writes.close();
  expect(failures).toEqual([new Error('no database')]);
  expect(batches).toEqual([
    { a: 1, b: 2 },
    { b: 2, c: 4 },
    { b: 3, c: 4 },
  ]);
});

test('A batch that fails keeps none of the others from being written', async () => {
  let first = true;
  const { writes, batches, failures } = open(
    () => {
      const failing = first;
      first = false;
      return failing ? Promise.reject(new Error('no')) : Promise.resolve([]);
    },
    { batchSize: 1 },
  );
  writes.note('a', 1);
  writes.note('b', 2);
  await writes.flush();
  expect(writes.unwritten('b')).toBeUndefined();
  await writes.close();
  expect(batches).toEqual([{ a: 1 }, { b: 2 }, { a: 1 }]);
  expect(failures).toHaveLength(1);
});

test('Values are written by themselves after the interval, and no more after the end', async () => {
  const { writes, batches } = open(undefined, { intervalMs: 5 });
  writes.note('a', 1);
  await until('the value is written', () => batches.length === 1);
  writes.note('a', 2);
  await writes.close();
  expect(batches.length).toBeGreaterThan(1);
  expect(writes.unwritten('a')).toBeUndefined();
});
