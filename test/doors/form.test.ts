import fc from 'fast-check';
import { parseParameters } from '../../src/doors/form';
import { KmsError } from '../../src/errors';

const read = (body: string | Buffer, query = ''): object =>
  Object.fromEntries(parseParameters(query, Buffer.from(body)));

test.each([
  ['', {}],
  ['&&', {}],
  ['Action=GetUser&Version=2010-05-08', { Action: 'GetUser', Version: '2010-05-08' }],
  ['a=1=2&b=&c', { a: '1=2', b: '', c: '' }],
  ['a=x+y%2Bz%20', { a: 'x y+z ' }],
  ['%61=%C3%A9&b=é', { a: 'é', b: 'é' }],
  ['a=%F0%9F%98%80', { a: '😀' }],
  ['=x', { '': 'x' }],
  ['a=%00', { a: '\0' }],
])('The body %j is read as %j', (body, expected) => {
  expect(read(body)).toEqual(expected);
});

test('In a URL a plus sign is itself, as it is in the signature', () => {
  expect(read('', 'a=x+y%20z')).toEqual({ a: 'x+y z' });
});

test('The parameters of the URL and of the body are read together', () => {
  expect(read('b=2', 'a=1')).toEqual({ a: '1', b: '2' });
});

test('No name finds more than was sent', () => {
  const parameters = parseParameters('', Buffer.from('__proto__=x&constructor=y'));
  expect([...parameters]).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
});

const twice = 'a parameter comes twice';
const escapes = 'its percent-encoding is broken, or not of UTF-8';
const many = 'it has more than 4096 parameters';

test.each([
  ['a parameter twice', 'a=1&a=1', '', twice],
  ['a parameter twice in two spellings', 'a=1&%61=2', '', twice],
  ['a parameter in the URL and the body', 'a=1', 'a=1', twice],
  ['half an escape', 'a=%', '', escapes],
  ['an escape of no digits', 'a=%zz', '', escapes],
  ['an escape in a name that is cut', '%4=1', '', escapes],
  ['an escaped byte that is not UTF-8', 'a=%ff', '', escapes],
  ['an overlong encoding', 'a=%C0%AF', '', escapes],
  ['half a surrogate pair', 'a=%ED%A0%80', '', escapes],
  ['bytes that are not UTF-8', Buffer.from([0x61, 0x3d, 0xff]), '', 'it is not UTF-8'],
  ['too many parameters', Array.from({ length: 4097 }, (_, i) => `a${i}`).join('&'), '', many],
  ['nothing, too often', '&'.repeat(100_000), '', many],
])('%s is refused', (_, body, query, why) => {
  const message = `The form of the request cannot be read: ${why}.`;
  expect(() => read(body, query)).toThrow(new KmsError('SerializationException', message));
});

test('4096 parameters are read', () => {
  const body = Array.from({ length: 4096 }, (_, i) => `a${i}=${i}`).join('&');
  expect(Object.keys(read(body))).toHaveLength(4096);
});

test('What is encoded is what is read, and anything else is read or refused', () => {
  const text = fc.string({ unit: 'grapheme' });
  fc.assert(
    fc.property(fc.dictionary(text, text), (map) => {
      const pairs = Object.entries(map);
      const body = new URLSearchParams(pairs).toString();
      expect([...parseParameters('', Buffer.from(body))]).toEqual(pairs);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      try {
        read(Buffer.from(bytes));
      } catch (error) {
        expect(error).toMatchObject({ name: 'KmsError', code: 'SerializationException' });
      }
    }),
  );
});
