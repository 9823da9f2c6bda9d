import { median } from '../../../scripts/bench/measure';

test.each([
  ['one value', [3], 3],
  ['an odd number of values', [9, 1, 5], 5],
  ['an even number of values', [4, 1, 3, 100], 3.5],
])('The median of %s is the one in the middle', (_, values, expected) => {
  expect(median(values)).toBe(expected);
});
