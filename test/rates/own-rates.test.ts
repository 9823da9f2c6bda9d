import { OwnRates } from '../../src/rates/own-rates';

function at(): { rates: OwnRates; pass: (milliseconds: number) => void } {
  let now = 0;
  return { rates: new OwnRates(() => now), pass: (milliseconds) => (now += milliseconds) };
}

function takeAll(rates: OwnRates, key: string, perSecond: number): number {
  let taken = 0;
  while (rates.take(key, perSecond)) taken += 1;
  return taken;
}

test('a second of requests is there at once, then as many as time brings', () => {
  const { rates, pass } = at();
  expect(takeAll(rates, 'a', 100)).toBe(100);
  pass(9);
  expect(takeAll(rates, 'a', 100)).toBe(0);
  pass(1);
  expect(takeAll(rates, 'a', 100)).toBe(1);
  pass(500);
  expect(takeAll(rates, 'a', 100)).toBe(50);
  pass(3_600_000);
  expect(takeAll(rates, 'a', 100)).toBe(100);
});

test('what is asked for in vain costs nothing', () => {
  const { rates, pass } = at();
  takeAll(rates, 'a', 10);
  for (let asked = 0; asked < 1000; asked++) rates.take('a', 10);
  pass(100);
  expect(takeAll(rates, 'a', 10)).toBe(1);
});

test('keys do not share a rate', () => {
  const { rates } = at();
  expect(takeAll(rates, 'a', 3)).toBe(3);
  expect(takeAll(rates, 'b', 5)).toBe(5);
});

test('what is allowed less than once a second is possible at all', () => {
  const { rates, pass } = at();
  expect(takeAll(rates, 'a', 0.25)).toBe(1);
  pass(3999);
  expect(takeAll(rates, 'a', 0.25)).toBe(0);
  pass(1);
  expect(takeAll(rates, 'a', 0.25)).toBe(1);
});

test('a rate that is changed holds at once', () => {
  const { rates, pass } = at();
  rates.take('a', 1000);
  expect(takeAll(rates, 'a', 10)).toBe(10);
  pass(100);
  expect(takeAll(rates, 'a', 10)).toBe(1);
  expect(takeAll(rates, 'a', 1000)).toBe(0);
  pass(100);
  expect(takeAll(rates, 'a', 1000)).toBe(100);
});

test('keys that are not used any more are forgotten, and those that are short are not', () => {
  const { rates, pass } = at();
  for (let i = 0; i < 1000; i++) rates.take(`old ${i}`, 10);
  pass(5000);
  takeAll(rates, 'short', 10);
  for (let i = 0; i < 100; i++) rates.take(`new ${i}`, 10);
  expect(rates.size).toBeLessThan(200);
  expect(rates.take('short', 10)).toBe(false);
});

test('who was refused is told when there is one again', () => {
  const { rates, pass } = at();
  takeAll(rates, 'a', 0.25);
  expect(rates.secondsUntil('a', 0.25)).toBe(4);
  pass(3000);
  expect(rates.take('a', 0.25)).toBe(false);
  expect(rates.secondsUntil('a', 0.25)).toBe(1);
  expect(rates.secondsUntil('never asked for', 5)).toBe(0);
});
