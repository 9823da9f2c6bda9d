import { Progress } from '../../src/cli/progress';

function shown(isTTY: boolean, total: number, steps: readonly number[]): string {
  const written: string[] = [];
  const stream = {
    isTTY,
    write: (text: string) => {
      written.push(text);
      return true;
    },
  };
  const progress = new Progress('moved', total, stream);
  progress.add(0);
  for (const step of steps) progress.add(step);
  progress.end();
  return written.join('');
}

test('a terminal shows a bar that grows in one line', () => {
  expect(shown(true, 4, [1, 3])).toBe(
    `\r[${'.'.repeat(30)}] 0 % moved 0 of 4` +
      `\r[${'#'.repeat(7)}${'.'.repeat(23)}] 25 % moved 1 of 4` +
      `\r[${'#'.repeat(30)}] 100 % moved 4 of 4\n`,
  );
});

test('elsewhere there is a line a tenth, and none in between', () => {
  const steps = Array.from({ length: 100 }, () => 1);
  const lines = shown(false, 100, steps).trimEnd().split('\n');
  expect(lines).toEqual(Array.from({ length: 10 }, (_, at) => `moved ${(at + 1) * 10} of 100`));
});

test('more than was counted before, and nothing at all, are no fault', () => {
  expect(shown(false, 2, [5])).toBe('moved 5 of 2\n');
  expect(shown(false, 0, [])).toBe('moved 0 of 0\n');
});
