import { countedTogether } from '../../src/xks/overload';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('What is noted within a second is told together, and how many there were', () => {
  const told: number[] = [];
  const note = countedTogether((count) => told.push(count));
  note();
  note();
  jest.advanceTimersByTime(999);
  note();
  expect(told).toEqual([]);
  jest.advanceTimersByTime(1);
  expect(told).toEqual([3]);
});

test('Each second is counted anew, and one in which nothing is noted is not told of', () => {
  const told: number[] = [];
  const note = countedTogether((count) => told.push(count));
  note();
  jest.advanceTimersByTime(5000);
  note();
  note();
  jest.advanceTimersByTime(1000);
  expect(told).toEqual([1, 2]);
});
