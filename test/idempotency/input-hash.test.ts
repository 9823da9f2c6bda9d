import { inputHash } from '../../src/idempotency/input-hash';
import { parseInput } from '../../src/shapes';

const hex = (input: object): string => inputHash(input).toString('hex');

test('inputs that an operation cannot tell apart have one hash, whatever the order of their members and maps', () => {
  const one = parseInput('CreateGrant', {
    ...{ KeyId: 'k', GranteePrincipal: 'arn:aws:iam::111122223333:root', Operations: ['Encrypt'] },
    Constraints: { EncryptionContextSubset: { a: '1', b: '2' } },
  });
  const other = parseInput('CreateGrant', {
    Constraints: { EncryptionContextSubset: { b: '2', a: '1' } },
    ...{ Operations: ['Encrypt'], GranteePrincipal: 'arn:aws:iam::111122223333:root', KeyId: 'k' },
    Name: null,
  });
  expect(hex(one)).toBe(hex(other));
});

test('a member that is undefined is absent', () => {
  expect(hex({ a: 'x', b: undefined })).toBe(hex({ a: 'x' }));
});

const date = new Date('2026-11-26T02:00:00.000Z');

test.each([
  ['another value', { a: 'x' }, { a: 'y' }],
  ['another member', { a: 'x' }, { b: 'x' }],
  ['a member more', { a: 'x' }, { a: 'x', b: false }],
  ['another order in a list', { a: ['x', 'y'] }, { a: ['y', 'x'] }],
  ['a number for its digits', { a: 1 }, { a: '1' }],
  ['a blob for its base64', { a: Buffer.from('x') }, { a: 'eA==' }],
  ['another blob', { a: Buffer.from('x') }, { a: Buffer.from('y') }],
  ['a date for its milliseconds', { a: date }, { a: date.getTime() }],
  ['a later date', { a: date }, { a: new Date(date.getTime() + 1) }],
  ['an empty map for an empty list', { a: {} }, { a: [] }],
  ['a map that looks like a blob', { a: Buffer.from('x') }, { a: { blob: 'eA==' } }],
  ['a list that looks like a map', { a: { x: 'y' } }, { a: [['x', ['string', 'y']]] }],
  ['a text that ends its member', { a: 'x', b: 'y' }, { a: 'x"],["b",["string","y"' }],
  ['a name of the prototype', {}, JSON.parse('{"__proto__":"x"}') as object],
])('%s makes another hash', (_what, one, other) => {
  expect(hex(one)).not.toBe(hex(other));
});

test('the hash of an input is the same in every version, as workers of two may be asked', () => {
  const input = { Tags: [{ TagValue: 'v', TagKey: 'k' }], MultiRegion: false, at: date };
  expect(hex({ ...input, blob: Buffer.from([0, 255]) })).toBe(
    'fb4b6efa5a18af98f84618b2a4d37c03be30a4537c12998294211110de553733',
  );
});
