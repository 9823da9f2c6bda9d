import fc from 'fast-check';
import { isList, isNumber, isObject, type JsonValue, readJson } from '../../src/policy/json';
import { faultOf } from '../support/policies';

function plain(value: JsonValue): unknown {
  if (isNumber(value)) return JSON.parse(value.digits) as unknown;
  if (isList(value)) return value.map(plain);
  return isObject(value)
    ? Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]))
    : value;
}

test('it reads what JSON.parse reads, however it is spaced', () => {
  const layout = fc.constantFrom(undefined, 1, '\t', '\n \r');
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), layout, (text, space) => {
      const written = JSON.stringify(JSON.parse(text), null, space);
      expect(JSON.stringify(plain(readJson(written)))).toBe(JSON.stringify(JSON.parse(written)));
    }),
    { numRuns: 2000 },
  );
});

test('members keep their order, numbers their digits, and names mean nothing', () => {
  const read = readJson('{ "b" : 1.50, "10":1e3, "2":-0, "__proto__":[], "constructor":{} }');
  expect(isObject(read) && [...read]).toEqual([
    ['b', { digits: '1.50' }],
    ['10', { digits: '1e3' }],
    ['2', { digits: '-0' }],
    ['__proto__', []],
    ['constructor', new Map()],
  ]);
});

test('escapes are read', () => {
  expect(readJson(String.raw`"\"\\\/\n\u0041\ud83d\ude00\\"`)).toBe('"\\/\nA😀\\');
});

test.each([
  ...[
    '',
    ' ',
    '{"a":1,"a":1}',
    String.raw`{"a":1,"\u0061":1}`,
    '{"x":[{"y":1,"y":2}]}',
    '{"":0,"":0}',
  ],
  ...['{"a":1,}', '[1,]', '{a:1}', "{'a':1}", '01', 'NaN', '"\t"', '{"a":1}x', '\ufeff1'],
])('%j is refused', (text) => {
  expect(faultOf(() => readJson(text))).toEqual({
    fault: 'syntax',
    message: 'Syntax errors in policy.',
  });
});

test('depth is limited', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  expect(faultOf(() => readJson(nested(9))).fault).toBe('none');
  expect(faultOf(() => readJson(nested(10))).fault).toBe('syntax');
  expect(faultOf(() => readJson(nested(60_000))).fault).toBe('syntax');
  expect(faultOf(() => readJson('{"a":'.repeat(60_000))).fault).toBe('syntax');
});
