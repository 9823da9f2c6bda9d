import fc from 'fast-check';
import { decodeBase64 } from '../../src/shapes/base64';

// RFC 4648 §10.
test.each([
  ['', ''],
  ['Zg==', 'f'],
  ['Zm8=', 'fo'],
  ['Zm9v', 'foo'],
  ['Zm9vYg==', 'foob'],
  ['Zm9vYmE=', 'fooba'],
  ['Zm9vYmFy', 'foobar'],
])('%p is %p', (encoded, text) => {
  expect(decodeBase64(encoded)?.toString()).toBe(text);
});

test.each([
  ['has no padding', 'Zg'],
  ['has too little padding', 'Zg='],
  ['has too much padding', 'Zm9v===='],
  ['is padding only', '===='],
  ['has padding inside', 'Zg==Zg=='],
  ['has bits after the last byte', 'Zh=='],
  ['has the URL alphabet', '-_-_'],
  ['has a line break', 'Zm9v\nZm9v\n\n\n'],
  ['has a space', 'Zm9 '],
  ['has a character that would be right with fewer bits', 'Zm9\u0176'],
])('Text that %s is refused', (_, text) => {
  expect(decodeBase64(text)).toBeUndefined();
});

test('Whatever is not the encoding of some bytes is refused', () => {
  const text = fc.string({
    unit: fc.constantFrom(...Array.from('AZaz09+/=-_ \n\u0141')),
    maxLength: 12,
  });
  fc.assert(
    fc.property(text, (candidate) => {
      const bytes = decodeBase64(candidate);
      const canonical = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
      const encodable =
        canonical.test(candidate) &&
        Buffer.from(candidate, 'base64').toString('base64') === candidate;
      expect(bytes !== undefined).toBe(encodable);
    }),
  );
});
