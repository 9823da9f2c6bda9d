import { setImmediate as nextTurn } from 'node:timers/promises';
import { inTurns } from '../src/turns';

const numbers = Array.from({ length: 10 }, (_, n) => n);

/** Works that end when they are told to. */
function held(): {
  readonly begun: number[];
  work(n: number): Promise<string>;
  end(n: number): void;
} {
  const begun: number[] = [];
  const ends = new Map<number, () => void>();
  return {
    begun,
    work: (n) => {
      begun.push(n);
      return new Promise((resolve) => ends.set(n, () => resolve(`done ${n}`)));
    },
    end: (n) => ends.get(n)?.(),
  };
}

test('the results come in the order of the items, whichever ends first', async () => {
  const { work, end } = held();
  const results = inTurns(numbers, 10, work);
  for (const n of [...numbers].reverse()) end(n);
  expect(await results).toEqual(numbers.map((n) => `done ${n}`));
});

test('in one turn of the event loop no more are begun than may be', async () => {
  const { begun, work, end } = held();
  const results = inTurns(numbers, 4, work, () => 0);
  expect(begun).toEqual([0, 1, 2, 3]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await nextTurn();
  expect(begun).toEqual(numbers);
  for (const n of numbers) end(n);
  await results;
});

test('after a turn that took long one alone is begun in the next', async () => {
  const { begun, work, end } = held();
  let ms = 0;
  const slow = (n: number): Promise<string> => {
    // As whatever the first four and the sixth do before they wait: policies to evaluate.
    if (n < 4 || n === 5) ms += 10;
    return work(n);
  };
  const results = inTurns(numbers, 4, slow, () => ms);
  const seen: number[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    seen.push(begun.length);
    await nextTurn();
  }
  expect(seen).toEqual([4, 5, 9, 10]);
  for (const n of numbers) end(n);
  await results;
});

test('a failure is told of, and nothing is left unheard', async () => {
  const failure = new Error('the third');
  const results = inTurns(numbers, 2, (n) =>
    n === 2 ? Promise.reject(failure) : Promise.resolve(n),
  );
  await expect(results).rejects.toBe(failure);
});
