import { mostWaiting, type SlowQueue, SlowTurn } from '../../hsm/slow-turn';

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

const take = (queue: SlowQueue, name: string): Promise<void> =>
  turn.take(queue, async () => {
    order.push(`${name} begins`);
    await Promise.resolve();
    order.push(`${name} ends`);
  });

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
  const full = Array.from({ length: mostWaiting }, () => turn.take('keys', () => held));
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
