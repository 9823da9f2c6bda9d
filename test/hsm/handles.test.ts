import { HsmError } from '../../hsm/errors';
import { Handles, type KeyObject } from '../../hsm/handles';

interface Pending {
  readonly id: string;
  readonly answer: (key: KeyObject) => void;
  readonly refuse: (error: HsmError) => void;
}

let pending: Pending[];
let released: KeyObject[];
let handles: Handles;

const key = (number: number): KeyObject => ({ object: Buffer.from([number]), clone: true });

beforeEach(() => {
  pending = [];
  released = [];
  handles = new Handles({
    max: 2,
    resolve: (id) =>
      new Promise((answer, refuse) => {
        pending.push({ id, answer, refuse });
      }),
    release: (object) => released.push(object),
  });
});

const answerNext = (object: KeyObject): void => pending.shift()?.answer(object);

test('a look-up under way when its key is evicted is thrown away and made again', async () => {
  const finding = handles.find('aa');
  handles.evict('aa');
  answerNext(key(1));
  await new Promise(setImmediate);
  expect(released).toEqual([key(1)]);
  answerNext(key(2));
  expect(await finding).toEqual(key(2));
  expect(handles.get('aa')).toEqual(key(2));
});

test('a key evicted again and again ends in an error', async () => {
  const finding = handles.find('aa');
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
  const first = handles.find('aa');
  answerNext(key(1));
  await first;
  const finding = handles.find('bb');
  handles.evictAll();
  expect(released).toEqual([key(1)]);
  answerNext(key(2));
  await new Promise(setImmediate);
  expect(released).toEqual([key(1), key(2)]);
  answerNext(key(3));
  expect(await finding).toEqual(key(3));
  expect(handles.size).toBe(1);
});

test('what a look-up of an earlier life answers is neither kept nor destroyed', async () => {
  const finding = handles.find('aa');
  const refused = expect(finding).rejects.toMatchObject({ code: 'token-unavailable' });
  handles.drop();
  answerNext(key(1));
  await refused;
  expect(released).toEqual([]);
  expect(handles.size).toBe(0);
});

test('a failed look-up is not remembered', async () => {
  const first = expect(handles.find('aa')).rejects.toMatchObject({ code: 'key-not-found' });
  pending.shift()?.refuse(new HsmError('key-not-found', 'C_FindObjects: no such key'));
  await first;
  const second = handles.find('aa');
  answerNext(key(1));
  expect(await second).toEqual(key(1));
});

test('the least recently used goes first', async () => {
  for (const [index, id] of ['aa', 'bb', 'cc'].entries()) {
    const finding = handles.find(id);
    answerNext(key(index));
    await finding;
    handles.get('aa');
  }
  expect(released).toEqual([key(1)]);
  expect(handles.get('bb')).toBeUndefined();
  expect([handles.get('aa'), handles.get('cc')]).toEqual([key(0), key(2)]);
});
