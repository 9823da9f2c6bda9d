import fc from 'fast-check';
import { KmsError } from '../../src/errors';
import {
  canonicalEncryptionContext,
  checkEncryptionContextSize,
  encryptionContextDigest,
  maxEncryptionContextBytes,
} from '../../src/keys/encryption-context';

type Context = Record<string, string>;

const text = fc.string({ unit: 'binary', maxLength: 6 });
const contexts = fc.dictionary(text, text, { maxKeys: 6 });

function hex(context: Context | undefined): string {
  return canonicalEncryptionContext(context).toString('hex');
}

function shuffled(context: Context): Context {
  const entries = Object.entries(context).reverse();
  return Object.fromEntries(entries);
}

function sameContext(a: Context, b: Context): boolean {
  const sorted = (context: Context): string =>
    JSON.stringify(Object.entries(context).sort(([x], [y]) => (x < y ? -1 : 1)));
  return sorted(a) === sorted(b);
}

test('A pair is encoded as a count, then each string after its length', () => {
  expect(hex({ ab: 'c' })).toBe('00000001' + '00000002' + '6162' + '00000001' + '63');
});

test('An absent context is an empty one', () => {
  expect(hex(undefined)).toBe('00000000');
  expect(hex({})).toBe('00000000');
  expect(encryptionContextDigest(undefined)).toEqual(encryptionContextDigest({}));
});

test('The digest is SHA-256 of the encoding', () => {
  // printf '\0\0\0\0' | sha256sum
  expect(encryptionContextDigest({}).toString('hex')).toBe(
    'df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119',
  );
});

test('The order of the members does not matter', () => {
  fc.assert(
    fc.property(contexts, (context) => {
      expect(hex(shuffled(context))).toBe(hex(context));
    }),
  );
});

test('Two different contexts have different encodings', () => {
  fc.assert(
    fc.property(contexts, contexts, (a, b) => {
      expect(hex(a) === hex(b)).toBe(sameContext(a, b));
    }),
  );
});

test('Moving the boundary between two strings changes the encoding', () => {
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      fc.pre(b !== '');
      expect(hex({ [a + b]: c })).not.toBe(hex({ [a]: b + c }));
    }),
  );
});

test('Keys are sorted by their UTF-8 bytes, also where UTF-16 has another order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(text, { minLength: 2, maxLength: 6 }), (keys) => {
      const sorted = keys.map((key) => Buffer.from(key)).sort((a, b) => Buffer.compare(a, b));
      const encoding = hex(Object.fromEntries(keys.map((key) => [key, ''])));
      const pairs = sorted.map((key) => {
        const length = key.length.toString(16).padStart(8, '0');
        return `${length}${key.toString('hex')}00000000`;
      });
      expect(encoding.slice(8)).toBe(pairs.join(''));
    }),
  );
});

test('Keys that objects have of themselves are keys like any other', () => {
  const context = JSON.parse('{"__proto__":"a","constructor":"b"}') as Context;
  expect(hex(context).startsWith('00000002')).toBe(true);
  expect(hex(context)).not.toBe(hex({ constructor: 'b' }));
});

test.each([
  ['a key', { 'a\ud800': 'x' }],
  ['a value', { a: '\udc00' }],
])('An unpaired surrogate in %s is refused, not taken for U+FFFD', (_, context: Context) => {
  expect(() => encryptionContextDigest(context)).toThrow(
    new TypeError('an encryption context has a string that is not well-formed UTF-16'),
  );
});

test('A context may take 8192 bytes of encoding and not one more', () => {
  const overhead = 4 + 4 + 1 + 4;
  const largest = 'x'.repeat(maxEncryptionContextBytes - overhead);
  expect(maxEncryptionContextBytes).toBe(8192);
  expect(() => checkEncryptionContextSize({ a: largest })).not.toThrow();
  expect(() => checkEncryptionContextSize(undefined)).not.toThrow();
  expect(() => checkEncryptionContextSize({ a: `${largest}x` })).toThrow(
    expect.objectContaining({
      code: 'ValidationException',
      message: 'The encryption context must not be larger than 8192 bytes.',
    }) as Error,
  );
  expect(() => checkEncryptionContextSize({ a: `${largest}x` })).toThrow(KmsError);
});
