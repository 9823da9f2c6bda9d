import { RestartDelay } from '../src/restart-delay';

test('a worker that served is replaced at once, one that did not with pauses that double up to five seconds', () => {
  const delay = new RestartDelay();
  expect(delay.next(60_000)).toBe(0);
  expect(Array.from({ length: 8 }, () => delay.next(0))).toEqual([
    100, 200, 400, 800, 1600, 3200, 5000, 5000,
  ]);
});

test('two seconds of service end the pauses', () => {
  const delay = new RestartDelay();
  delay.next(0);
  delay.next(1999);
  expect(delay.next(1999)).toBe(400);
  expect(delay.next(2000)).toBe(0);
  expect(delay.next(0)).toBe(100);
});
