import fc from 'fast-check';
import {
  matchesPattern,
  matchesWildcard,
  parsePattern,
  PatternBuilder,
} from '../../src/policy/wildcard';

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

test('long pieces with one-character wildcards mean it too', () => {
  const piece = fc.string({
    unit: fc.constantFrom('a', 'a', 'a', 'b', '?'),
    minLength: 28,
    maxLength: 70,
  });
  const property = fc.property(
    piece,
    fc.nat(),
    fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 99 }),
    (some, at, text) => {
      const split = at % (text.length + 1);
      const inside = `${text.slice(0, split)}${some.replaceAll('?', 'b')}${text.slice(split)}`;
      expect(matchesWildcard(`*${some}*`, inside)).toBe(true);
      expect(matchesWildcard(`*${some}*`, text)).toBe(reference(`*${some}*`, text));
    },
  );
  fc.assert(property, { numRuns: 1000 });
});

test('stars beside each other are one', () => {
  expect(parsePattern('a***b').segments).toHaveLength(2);
  expect(parsePattern('*'.repeat(32_000)).segments).toHaveLength(2);
});

test('what a builder is told to take literally is no wildcard', () => {
  const pattern = new PatternBuilder().literal('*?').wildcard('any run').literal('*').build();
  expect(matchesPattern(pattern, '*?x*')).toBe(true);
  expect(matchesPattern(pattern, 'abx*')).toBe(false);
});

/** How often the characters of a text are looked at. */
function looksAt(pattern: string, text: string): { looks: number; matches: boolean } {
  let looks = 0;
  const counted = {
    length: text.length,
    charCodeAt: (at: number) => {
      looks += 1;
      return text.charCodeAt(at);
    },
  };
  return { matches: matchesPattern(parsePattern(pattern), counted), looks };
}

describe('a hostile pattern', () => {
  const text = 'a'.repeat(8192);

  test.each<[what: string, pattern: string]>([
    ['of many stars', `${'*a'.repeat(4000)}*b`],
    ['of many stars that match', `${'*a'.repeat(4000)}*`],
    ['whose stars end it', `${'a*'.repeat(1000)}b`],
    ['of one long piece', `*${'a'.repeat(4096)}b*`],
    ['of one long piece that almost repeats', `*${'aab'.repeat(1000)}*`],
    ['of long pieces', `*${'a'.repeat(2000)}*${'a'.repeat(2000)}b*`],
    ['of stars alone', '*'.repeat(32_000)],
    ['with one-character wildcards', `*${'?a'.repeat(2000)}b*`],
    ['of long pieces with one', `*${'a'.repeat(2000)}?${'a'.repeat(2000)}b*`],
  ])('%s looks at each character a few times', (_what, pattern) => {
    expect(looksAt(pattern, text).looks).toBeLessThanOrEqual(2 * text.length + pattern.length);
  });

  test('is decided rightly', () => {
    expect(matchesWildcard(`${'*a'.repeat(16_000)}*b`, text)).toBe(false);
    expect(matchesWildcard(`${'*a'.repeat(8192)}*`, text)).toBe(true);
    expect(matchesWildcard(`${'*a'.repeat(8193)}*`, text)).toBe(false);
    expect(matchesWildcard('*'.repeat(32_000), text)).toBe(true);
    expect(matchesWildcard('?'.repeat(8192), text)).toBe(true);
    expect(matchesWildcard(`*${'a?'.repeat(1000)}c*`, `${'ab'.repeat(2000)}c`)).toBe(true);
    expect(matchesWildcard(`*${'a?'.repeat(1000)}c*`, `${'ab'.repeat(999)}ac`)).toBe(false);
    expect(matchesWildcard(`*${'ab'.repeat(1000)}c*`, `${'ab'.repeat(2000)}c`)).toBe(true);
  });
});
