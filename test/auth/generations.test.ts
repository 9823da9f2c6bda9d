import { Generations } from '../../src/auth/generations';

test('an entry in use survives any number of newcomers, one that is not is forgotten', () => {
  const cache = new Generations<number>(10);
  cache.set('used', 1);
  cache.set('unused', 2);
  for (let i = 0; i < 1000; i++) {
    cache.set(`newcomer ${i}`, i);
    expect(cache.get('used')).toBe(1);
  }
  expect(cache.get('unused')).toBeUndefined();
  expect(cache.size).toBeLessThanOrEqual(20);
});

test('a new value replaces the old one in either generation', () => {
  const cache = new Generations<string>(1);
  cache.set('a', 'first');
  cache.set('b', 'pushes a into the old generation');
  cache.set('a', 'second');
  cache.set('a', 'third');
  expect(cache.get('a')).toBe('third');
  expect(cache.size).toBe(2);
});

test('entries are dropped by the start of their names, from both generations', () => {
  const cache = new Generations<number>(2);
  for (const [i, name] of ['k1/a', 'k2/a', 'k1/b', 'k12/a'].entries()) cache.set(name, i);
  cache.dropPrefix('k1/');
  expect(cache.get('k1/a')).toBeUndefined();
  expect(cache.get('k1/b')).toBeUndefined();
  expect(cache.get('k2/a')).toBe(1);
  expect(cache.get('k12/a')).toBe(3);
});
