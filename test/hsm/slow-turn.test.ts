import { mostOfOne, mostWaiting, type SlowQueue, SlowTurn } from '../../hsm/slow-turn';

let turn: SlowTurn;
let order: string[];
beforeEach(() => {
  [turn, order] = [new SlowTurn(), []];
});
afterEach(() => jest.restoreAllMocks());

function hold(): { readonly held: Promise<void>; readonly release: () => void } {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  return { held, release: () => release() };
}

const take = (queue: SlowQueue, name: string, asker?: string): Promise<void> => {
  const work = async (): Promise<void> => {
    order.push(`${name} begins`);
    await Promise.resolve();
    order.push(`${name} ends`);
  };
  return turn.take(queue, work, asker);
};

/** As many askers as it takes to fill a queue. */
const askerOf = (at: number): string => `asker ${at % (mostWaiting / mostOfOne)}`;

test('one is done after the other, whatever becomes of each', async () => {
  const failing = turn.take('keys', () => Promise.reject(new Error('no')));
  const others = [take('keys', 'first'), take('keys', 'second')];
  await expect(failing).rejects.toThrow('no');
  await Promise.all(others);
  expect(order).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
});

test('while both wait, keys and data key pairs take turns', async () => {
  const { held, release } = hold();
  const holding = turn.take('data-key-pairs', () => held);
  const data = ['d1', 'd2', 'd3'].map((name) => take('data-key-pairs', name));
  const keys = ['k1', 'k2'].map((name) => take('keys', name));
  release();
  await Promise.all([holding, ...data, ...keys]);
  expect(order.filter((step) => step.endsWith('begins')).map((step) => step.slice(0, 2))).toEqual([
    'k1',
    'd1',
    'k2',
    'd2',
    'd3',
  ]);
});

test('a queue that is full does not fill the other, and has room again', async () => {
  const { held, release } = hold();
  const full = Array.from({ length: mostWaiting }, (_, at) =>
    turn.take('keys', () => held, askerOf(at)),
  );
  await expect(take('keys', 'late')).rejects.toMatchObject({
    code: 'busy',
    message: 'too many key pairs are waiting to be generated',
  });
  const other = take('data-key-pairs', 'other');
  release();
  await Promise.all([...full, other]);
  await take('keys', 'later');
  expect(order).toEqual(['other begins', 'other ends', 'later begins', 'later ends']);
});

test('whose turn comes too late is refused, and the next has its own', async () => {
  const { held, release } = hold();
  const holding = turn.take('keys', () => held);
  const late = take('keys', 'late');
  const now = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000);
  const next = take('keys', 'next');
  release();
  await expect(late).rejects.toMatchObject({
    code: 'deadline',
    message: 'the generation of a key pair did not begin within 60000 ms',
  });
  await Promise.all([holding, next]);
  now.mockRestore();
  expect(order).toEqual(['next begins', 'next ends']);
});

test('one asker does not fill a queue, and others have their turns between his', async () => {
  const { held, release } = hold();
  const holding = turn.take('data-key-pairs', () => held, 'many');
  const his = Array.from({ length: mostOfOne - 1 }, (_, at) =>
    take('data-key-pairs', `many ${at}`, 'many'),
  );
  await expect(take('data-key-pairs', 'late', 'many')).rejects.toMatchObject({
    code: 'busy',
    message: 'too many key pairs are waiting to be generated',
  });
  const others = ['one', 'other'].map((name) => take('data-key-pairs', name, name));
  release();
  await Promise.all([holding, ...his, ...others]);
  const begun = order.filter((step) => step.endsWith('begins')).slice(0, 4);
  expect(begun).toEqual(['many 0 begins', 'one begins', 'other begins', 'many 1 begins']);
  await take('data-key-pairs', 'later', 'many');
  expect(order.at(-1)).toBe('later ends');
});
