import { inspect } from 'node:util';
import { fromBase64, toBase64 } from '../../../clients/typescript/src';

test('Bytes, a part of a buffer, and a text in UTF-8 come back as they were', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (const length of [0, 1, 2, 3, 255, 256]) {
    expect(fromBase64(toBase64(bytes.subarray(0, length)))).toEqual(bytes.subarray(0, length));
  }
  expect(fromBase64(toBase64(bytes.subarray(7, 9)))).toEqual(Uint8Array.of(7, 8));
  expect(toBase64('Schlüssel')).toBe(Buffer.from('Schlüssel', 'utf8').toString('base64'));
});

test('The bytes have memory of their own, so that they can be wiped', () => {
  const { buffer } = fromBase64(toBase64(new Uint8Array(32)));
  expect(buffer.byteLength).toBeLessThan(40);
});

test.each(['c2VjcmV0LXRleHQ', 'c2VjcmV0LXRle Q=', 'c2VjcmV0_-==', 'c2VjcmV0=', '='])(
  'What is not padded base64 is refused and not repeated: %s',
  (text) => {
    let thrown: unknown;
    try {
      fromBase64(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toEqual(new TypeError('Not base64 of RFC 4648 §4, padded'));
    expect(inspect(thrown)).not.toContain('c2VjcmV0');
  },
);

test('A member that an answer does not have is no bytes', () => {
  expect(() => fromBase64(undefined)).toThrow(new TypeError('The answer has no such member'));
});
