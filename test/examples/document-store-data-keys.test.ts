import { randomBytes } from 'node:crypto';
import { type DataKey, DataKeys, type Limits } from '../../examples/document-store/data-keys';

/** A source of keys in Claviger's place, which says what it gave. */
function source() {
  const given: DataKey[] = [];
  const load = async (): Promise<DataKey> => {
    await Promise.resolve();
    const key = { plaintext: randomBytes(32), wrapped: randomBytes(8), materialId: 'm' };
    given.push(key);
    return key;
  };
  return { given, load };
}

const wiped = ({ plaintext }: DataKey): boolean => plaintext.equals(Buffer.alloc(32));
const wide: Limits = { uses: 1000, ageMs: 60_000, entries: 100 };
const name = { tenant: 'acme', words: ['invoice-1'] };

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('A key is used as often as its limit says, is wiped after its last use, and another one follows', async () => {
  const { given, load } = source();
  const keys = new DataKeys({ ...wide, uses: 3 });
  const used: DataKey[] = [];
  for (let use = 0; use < 7; use += 1) {
    await keys.use(name, load, (key) => {
      expect(wiped(key)).toBe(false);
      used.push(key);
    });
  }
  expect(used.map((key) => given.indexOf(key))).toEqual([0, 0, 0, 1, 1, 1, 2]);
  expect(given.map(wiped)).toEqual([true, true, false]);
});

test('Those who want a key at once share one request, up to its limit', async () => {
  const { given, load } = source();
  const keys = new DataKeys({ ...wide, uses: 4 });
  const uses = Array.from({ length: 10 }, () =>
    keys.use(name, load, (key) => {
      expect(wiped(key)).toBe(false);
      return key;
    }),
  );
  const used = await Promise.all(uses);
  expect(given.map((key) => used.filter((other) => other === key).length)).toEqual([4, 4, 2]);
  expect(given.map(wiped)).toEqual([true, true, false]);
});

test('A key leaves and is wiped when its time is over, though nobody asks for it', async () => {
  const { given, load } = source();
  const keys = new DataKeys(wide);
  const use = (): Promise<void> => keys.use(name, load, () => undefined);
  await use();
  jest.advanceTimersByTime(59_999);
  await use();
  expect(given.map(wiped)).toEqual([false]);
  jest.advanceTimersByTime(1);
  expect(given.map(wiped)).toEqual([true]);
  expect(keys.size).toBe(0);
  await use();
  expect(given.length).toBe(2);
});

test('Beyond so many keys the one that was used least lately is wiped', async () => {
  const { given, load } = source();
  const keys = new DataKeys({ ...wide, entries: 2 });
  const use = (word: string): Promise<void> =>
    keys.use({ tenant: 'acme', words: [word] }, load, () => undefined);
  for (const word of ['one', 'two', 'one', 'three']) await use(word);
  expect(given.map(wiped)).toEqual([false, true, false]);
  expect(keys.size).toBe(2);
});

test('Every other tenant and every other words have a key of their own', async () => {
  const { given, load } = source();
  const keys = new DataKeys(wide);
  const names = [name, { tenant: 'acme', words: ['invoice-1', ''] }, { ...name, tenant: 'acme,' }];
  for (const one of names) await keys.use(one, load, () => undefined);
  expect(given.length).toBe(3);
});

test('What a tenant has in memory is wiped at once when it is to be forgotten, and nothing of others', async () => {
  const { given, load } = source();
  const keys = new DataKeys(wide);
  await keys.use(name, load, () => undefined);
  await keys.use({ tenant: 'other', words: ['invoice-1'] }, load, () => undefined);
  keys.forget('acme');
  expect(given.map(wiped)).toEqual([true, false]);
  keys.forget();
  expect(given.map(wiped)).toEqual([true, true]);
  expect(keys.size).toBe(0);
});

test('A key that was being asked for when its tenant was forgotten is wiped when it comes, and not used', async () => {
  const { given, load } = source();
  const keys = new DataKeys(wide);
  const work = jest.fn();
  const refused = new Error('the key is gone');
  const loads = [load, () => Promise.reject(refused)];
  const using = keys.use(name, () => loads.shift()!(), work);
  keys.forget('acme');
  await expect(using).rejects.toBe(refused);
  expect(given.map(wiped)).toEqual([true]);
  expect(work).not.toHaveBeenCalled();
});

test('A failure to get a key is told to all who wait and is not kept; a failure of what uses it does not spoil it', async () => {
  const { given, load } = source();
  const keys = new DataKeys({ ...wide, uses: 2 });
  const away = new Error('away');
  const failing = [1, 2].map(() => keys.use(name, () => Promise.reject(away), jest.fn()));
  for (const failed of await Promise.allSettled(failing)) {
    expect(failed).toEqual({ status: 'rejected', reason: away });
  }
  expect(keys.size).toBe(0);
  const damaged = new Error('damaged');
  const use = keys.use(name, load, () => {
    throw damaged;
  });
  await expect(use).rejects.toBe(damaged);
  await keys.use(name, load, () => undefined);
  expect(given.map(wiped)).toEqual([true]);
});
