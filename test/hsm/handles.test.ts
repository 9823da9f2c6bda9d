import { HsmError } from '../../hsm/errors';
import type { TokenKey } from '../../hsm/index';
import { residentKey } from '../../hsm/resident';
import { Handles, type KeyObject } from '../../hsm/handles';
import { until } from '../support/until';

interface Pending {
  readonly id: string;
  readonly answer: (key: KeyObject) => void;
  readonly refuse: (error: HsmError) => void;
}

let pending: Pending[];
let released: KeyObject[];
let handles: Handles;

const key = (number: number): KeyObject => ({ object: Buffer.from([number]), own: true });

beforeEach(() => {
  pending = [];
  released = [];
  handles = new Handles({
    max: 2,
    resolve: ({ id }) =>
      new Promise((answer, refuse) => {
        pending.push({ id, answer, refuse });
      }),
    release: (object) => released.push(object),
  });
});

const find = (wanted: TokenKey): Promise<KeyObject> => handles.lend(wanted, (object) => object);
const answerNext = (object: KeyObject): void => pending.shift()?.answer(object);

test('a look-up under way when its key is evicted is thrown away and made again', async () => {
  const finding = find(residentKey('aa'));
  handles.evict('aa');
  answerNext(key(1));
  await new Promise(setImmediate);
  expect(released).toEqual([key(1)]);
  answerNext(key(2));
  expect(await finding).toEqual(key(2));
  expect(handles.get('aa')).toEqual(key(2));
});

test('a key evicted again and again ends in an error', async () => {
  const finding = find(residentKey('aa'));
  const refused = expect(finding).rejects.toMatchObject({
    code: 'token-unavailable',
    message: 'the key was evicted while it was looked up',
  });
  for (let round = 0; round < 4; round += 1) {
    handles.evict('aa');
    answerNext(key(round));
    await new Promise(setImmediate);
  }
  await refused;
  expect(released).toHaveLength(4);
  expect(handles.size).toBe(0);
});

test('evicting all releases what is cached and starts what is being looked up over', async () => {
  const first = find(residentKey('aa'));
  answerNext(key(1));
  await first;
  const finding = find(residentKey('bb'));
  handles.evictAll();
  expect(released).toEqual([key(1)]);
  answerNext(key(2));
  await new Promise(setImmediate);
  expect(released).toEqual([key(1), key(2)]);
  answerNext(key(3));
  expect(await finding).toEqual(key(3));
  expect(handles.size).toBe(1);
});

test('of a great many evicted at once the last are destroyed between other work, and in their own life alone', async () => {
  const many = Array.from({ length: 1200 }, (_, at) => at);
  const fill = (): void => {
    for (const at of many) large.put(String(at), key(at % 250));
  };
  let destroyed = 0;
  const large: Handles = new Handles({
    max: 2000,
    resolve: () => Promise.reject(new Error('nothing is looked up')),
    release: () => void (destroyed += 1),
  });
  fill();
  large.evictAll();
  expect([large.size, destroyed]).toEqual([0, 500]);
  await until('all are destroyed', () => destroyed === 1200);
  fill();
  large.evictAll();
  large.drop();
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  expect(destroyed).toBe(1700);
});

test('what a look-up of an earlier life answers is neither kept nor destroyed', async () => {
  const finding = find(residentKey('aa'));
  const refused = expect(finding).rejects.toMatchObject({ code: 'token-unavailable' });
  handles.drop();
  answerNext(key(1));
  await refused;
  expect(released).toEqual([]);
  expect(handles.size).toBe(0);
});

test('a failed look-up is not remembered', async () => {
  const first = expect(find(residentKey('aa'))).rejects.toMatchObject({
    code: 'key-not-found',
  });
  pending.shift()?.refuse(new HsmError('key-not-found', 'C_FindObjects: no such key'));
  await first;
  const second = find(residentKey('aa'));
  answerNext(key(1));
  expect(await second).toEqual(key(1));
});

test('the least recently used goes first', async () => {
  for (const [index, id] of ['aa', 'bb', 'cc'].entries()) {
    const finding = find(residentKey(id));
    answerNext(key(index));
    await finding;
    handles.get('aa');
  }
  expect(released).toEqual([key(1)]);
  expect(handles.get('bb')).toBeUndefined();
  expect([handles.get('aa'), handles.get('cc')]).toEqual([key(0), key(2)]);
});

test('an object put in while its key is looked up stays, and the one looked up is destroyed', async () => {
  const finding = find(residentKey('aa'));
  handles.put('aa', key(1));
  answerNext(key(2));
  expect(await finding).toEqual(key(1));
  expect(released).toEqual([key(2)]);
  expect([handles.get('aa'), handles.size]).toEqual([key(1), 1]);
});

test('what is put in counts as a miss and displaces the least recently used', () => {
  for (const [index, id] of ['aa', 'bb', 'cc'].entries()) handles.put(id, key(index));
  expect(released).toEqual([key(0)]);
  expect([handles.size, handles.misses]).toEqual([2, 3]);
});

test('an object that is in use is released when its last use has ended, and not before', async () => {
  handles.put('aa', key(1));
  const ends: (() => void)[] = [];
  const use = (object: KeyObject): Promise<KeyObject> =>
    new Promise((end) => ends.push(() => end(object)));
  const uses = [1, 2].map(() => handles.lend(residentKey('aa'), use));
  handles.evict('aa');
  expect(handles.get('aa')).toBeUndefined();
  ends[0]?.();
  expect(await uses[0]).toEqual(key(1));
  expect(released).toEqual([]);
  ends[1]?.();
  await uses[1];
  expect(released).toEqual([key(1)]);
});

test('an object of an earlier life of the module is not released when its use ends', async () => {
  handles.put('aa', key(1));
  let end = (): void => undefined;
  const using = handles.lend(residentKey('aa'), () => new Promise<void>((done) => (end = done)));
  handles.evict('aa');
  handles.drop();
  end();
  await using;
  expect(released).toEqual([]);
});

test('what is looked up to be lent, and evicted before it is, is looked up again', async () => {
  const used: KeyObject[] = [];
  const using = handles.lend(residentKey('aa'), (object) => void used.push(object));
  answerNext(key(1));
  while (handles.get('aa') === undefined) await Promise.resolve();
  handles.evict('aa');
  while (pending.length === 0) await Promise.resolve();
  answerNext(key(2));
  await using;
  expect(used).toEqual([key(2)]);
});

test('more keys than are kept can be used at once, and each object is destroyed after its use', async () => {
  const ids = ['aa', 'bb', 'cc', 'dd', 'ee'];
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const used: KeyObject[] = [];
  const uses = ids.map((id) =>
    handles.lend(residentKey(id), async (object) => {
      used.push(object);
      await ended;
      return object;
    }),
  );
  for (const index of ids.keys()) answerNext(key(index));
  await until('all are used', () => used.length === ids.length);
  expect([handles.size, released]).toEqual([2, []]);
  end();
  expect(await Promise.all(uses)).toEqual(ids.map((_, index) => key(index)));
  expect(released).toEqual([key(0), key(1), key(2)]);
});

test('what was found in an earlier life is looked up again in this one', async () => {
  const finding = find(residentKey('aa'));
  answerNext(key(1));
  while (handles.size === 0) await Promise.resolve();
  // After the answer was taken in, and before whoever waits for it goes on.
  handles.drop();
  await until('it is looked up again', () => pending.length === 1);
  answerNext(key(2));
  expect(await finding).toEqual(key(2));
  expect(released).toEqual([]);
});
