import { Breaker } from '../../src/xks-client/breaker';
import { XksFault } from '../../src/xks-client/client';

const fault = new XksFault('timed-out', 'no answer within 250 ms', { cause: new Error('why') });
let now = 0;

function breakerOf(): Breaker {
  now = 0;
  return new Breaker({ threshold: 3, pauseMs: 1000, now: () => now });
}

function isClosed(breaker: Breaker): boolean {
  try {
    breaker.requireClosed();
    return true;
  } catch {
    return false;
  }
}

test('After so many failures in a row nothing is tried, and the last of them is the answer', () => {
  const breaker = breakerOf();
  for (let i = 0; i < 2; i++) breaker.failed(fault);
  expect(isClosed(breaker)).toBe(true);
  breaker.failed(fault);
  expect(() => breaker.requireClosed()).toThrow(
    expect.objectContaining({
      kind: 'timed-out',
      message: 'not tried, after 3 failures: no answer within 250 ms',
      cause: fault.cause,
    }) as Error,
  );
});

test('A success in between counts anew', () => {
  const breaker = breakerOf();
  for (let i = 0; i < 2; i++) breaker.failed(fault);
  breaker.succeeded();
  for (let i = 0; i < 2; i++) breaker.failed(fault);
  expect(isClosed(breaker)).toBe(true);
});

test('Once a pause one is let through, and its failure begins the next', () => {
  const breaker = breakerOf();
  for (let i = 0; i < 3; i++) breaker.failed(fault);
  now = 999;
  expect(isClosed(breaker)).toBe(false);
  now = 1000;
  expect([isClosed(breaker), isClosed(breaker)]).toEqual([true, false]);
  now = 1500;
  breaker.failed(fault);
  now = 2499;
  expect(isClosed(breaker)).toBe(false);
  now = 2500;
  expect(isClosed(breaker)).toBe(true);
});

test('Its success closes the breaker; so does an answer to whoever asked for health', () => {
  const breaker = breakerOf();
  for (let i = 0; i < 9; i++) breaker.failed(fault);
  breaker.succeeded();
  expect([isClosed(breaker), isClosed(breaker)]).toEqual([true, true]);
});
