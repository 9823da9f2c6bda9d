import { Deadlines } from '../../src/xks/deadlines';
import { until } from '../support/until';

test('What is not ended in time is late once, and cannot be ended any more', async () => {
  const deadlines = new Deadlines(5);
  let late = 0;
  const ended = deadlines.start(() => (late += 1));
  await until('it is late', () => late > 0);
  expect(ended()).toBe(false);
  expect(late).toBe(1);
});

test('What is ended in time is never late', async () => {
  const deadlines = new Deadlines(20);
  const late: string[] = [];
  const ended = deadlines.start(() => late.push('first'));
  expect(ended()).toBe(true);
  expect(ended()).toBe(false);
  deadlines.start(() => late.push('second'));
  await until('the second is late', () => late.length > 0);
  expect(late).toEqual(['second']);
});

test('Each has the whole of its time, and they are late in the order in which they came', async () => {
  const deadlines = new Deadlines(30);
  const late: { readonly name: string; readonly after: number }[] = [];
  const start = (name: string): void => {
    const since = performance.now();
    deadlines.start(() => late.push({ name, after: performance.now() - since }));
  };
  start('first');
  const since = performance.now();
  await until('some time has passed', () => performance.now() - since > 10);
  start('second');
  await until('both are late', () => late.length === 2);
  expect(late.map(({ name }) => name)).toEqual(['first', 'second']);
  for (const { after } of late) expect(after).toBeGreaterThanOrEqual(29.9);
});
