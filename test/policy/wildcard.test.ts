import fc from 'fast-check';
import { matchesWildcard } from '../../src/policy/wildcard';

/** What a pattern means, said with the engine that must not be used on a stranger's pattern. */
function reference(pattern: string, text: string): boolean {
  const escaped = Array.from(pattern).map((one) =>
    one === '*' ? '.*' : one === '?' ? '.' : `\\u{${one.charCodeAt(0).toString(16)}}`,
  );
  return new RegExp(`^${escaped.join('')}$`, 'su').test(text);
}

test.each<[string, string, boolean]>([
  ['kms:*', 'kms:encrypt', true],
  ['kms:*', 'kms:', true],
  ['kms:*', 's3:getobject', false],
  ['*', '', true],
  ['', '', true],
  ['', 'a', false],
  ['?', '', false],
  ['?', 'a', true],
  ['kms:re?ncrypt*', 'kms:reencryptfrom', true],
  ['kms:describe*key', 'kms:describecustomkeystorekey', true],
  ['*crypt', 'kms:decryptx', false],
  ['a.c', 'abc', false],
  ['[a-z]', 'a', false],
])('the pattern %j and the text %j: %j', (pattern, text, matches) => {
  expect(matchesWildcard(pattern, text)).toBe(matches);
});

test('it means what the same regular expression means', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.'), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.'), maxLength: 10 });
  fc.assert(
    fc.property(pattern, text, (some, other) => {
      expect(matchesWildcard(some, other)).toBe(reference(some, other));
    }),
    { numRuns: 5000 },
  );
});

test('a hostile pattern is decided without backtracking, which would never end', () => {
  const pattern = `${'*a'.repeat(16_000)}*b`;
  expect(matchesWildcard(pattern, 'a'.repeat(2048))).toBe(false);
  expect(matchesWildcard(`${'a*'.repeat(1000)}b`, 'a'.repeat(2048))).toBe(false);
  expect(matchesWildcard('*'.repeat(32_000), 'a'.repeat(2048))).toBe(true);
});
