import fc from 'fast-check';
import { KmsError } from '../../src/errors';
import { parseBody } from '../../src/shapes';

const refusal = expect.objectContaining({
  code: 'SerializationException',
  message: '',
}) as Error;

test('A body is the JSON value in it', () => {
  expect(parseBody(Buffer.from('{"KeyId":"é"}'))).toEqual({ KeyId: 'é' });
  expect(parseBody(Buffer.from(' [1] '))).toEqual([1]);
});

test('No body at all is an empty object', () => {
  expect(parseBody(Buffer.alloc(0))).toEqual({});
});

test.each([
  ['is cut off', '{"KeyId":"secret'],
  ['is white space', '  '],
  ['has a trailing comma', '{"KeyId":"secret",}'],
  ['has a comment', '{} // secret'],
  ['is two values', '{} {}'],
  ['starts with a byte order mark', '\ufeff{}'],
])('A body that %s is refused, and not quoted', (_, body) => {
  expect(() => parseBody(Buffer.from(body))).toThrow(refusal);
});

test.each([
  ['a byte that UTF-8 does not have', '7b2261223a22ff227d'],
  ['an overlong encoding', '7b2261223a22c0af227d'],
  ['an encoded surrogate', '7b2261223a22eda080227d'],
  ['a cut sequence', '7b2261223a22c3227d'],
])('A body with %s is refused', (_, hex) => {
  expect(() => parseBody(Buffer.from(hex, 'hex'))).toThrow(refusal);
});

test('A hundred thousand nested lists neither crash nor hang', () => {
  const depth = 100_000;
  const body = Buffer.from(`{"Unknown":${'['.repeat(depth)}${']'.repeat(depth)}}`);
  expect(Object.keys(parseBody(body) as object)).toEqual(['Unknown']);
  expect(() => parseBody(Buffer.from('['.repeat(depth)))).toThrow(refusal);
});

test('Any bytes are a JSON value or a SerializationException', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        parseBody(Buffer.from(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(KmsError);
        expect(error).toEqual(refusal);
      }
    }),
  );
});
