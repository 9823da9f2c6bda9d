import { parseInput } from '../../src/shapes';
import type { OperationName } from '../../src/shapes';

const key = { KeyId: 'k' };

function refusal(message: string): Error {
  return expect.objectContaining({ code: 'SerializationException', message }) as Error;
}

test.each<[string, OperationName, unknown, string]>([
  ['a list for the request', 'ListKeys', [], 'Start of list found where not expected'],
  ['null for the request', 'ListKeys', null, 'NULL_VALUE cannot be converted to Structure'],
  ['text for the request', 'ListKeys', 'x', 'STRING_VALUE cannot be converted to Structure'],
  ['a number for text', 'DescribeKey', { KeyId: 1 }, 'NUMBER_VALUE cannot be converted to String'],
  [
    'a decimal for text',
    'DescribeKey',
    { KeyId: 1.5 },
    'DECIMAL_VALUE cannot be converted to String',
  ],
  ['true for text', 'DescribeKey', { KeyId: true }, 'TRUE_VALUE cannot be converted to String'],
  ['false for text', 'DescribeKey', { KeyId: false }, 'FALSE_VALUE cannot be converted to String'],
  ['a list for text', 'DescribeKey', { KeyId: [] }, 'Start of list found where not expected'],
  [
    'an object for text',
    'DescribeKey',
    { KeyId: {} },
    'Start of structure or map found where not expected',
  ],
  ['text for a number', 'ListKeys', { Limit: '1' }, 'STRING_VALUE cannot be converted to Integer'],
  ['a fraction', 'ListKeys', { Limit: 1.5 }, 'DECIMAL_VALUE cannot be converted to Integer'],
  ['33 bits', 'ListKeys', { Limit: 2 ** 31 }, 'NUMBER_VALUE cannot be converted to Integer'],
  [
    'text for a boolean',
    'Encrypt',
    { ...key, DryRun: 'true' },
    'STRING_VALUE cannot be converted to Boolean',
  ],
  [
    '1 for a boolean',
    'Encrypt',
    { ...key, DryRun: 1 },
    'NUMBER_VALUE cannot be converted to Boolean',
  ],
  ['bad base64', 'Decrypt', { CiphertextBlob: 'x' }, 'STRING_VALUE cannot be converted to Blob'],
  [
    'a number for a blob',
    'Decrypt',
    { CiphertextBlob: 7 },
    'NUMBER_VALUE cannot be converted to Blob',
  ],
  [
    'text for a time',
    'ImportKeyMaterial',
    { ...key, ValidTo: '2030-01-01T00:00:00Z' },
    'STRING_VALUE cannot be converted to Timestamp',
  ],
  [
    'a time beyond all calendars',
    'ImportKeyMaterial',
    { ...key, ValidTo: 1e300 },
    'NUMBER_VALUE cannot be converted to Timestamp',
  ],
  [
    'infinity for a time',
    'ImportKeyMaterial',
    JSON.parse('{"ValidTo":1e999}'),
    'DECIMAL_VALUE cannot be converted to Timestamp',
  ],
  ['text for a list', 'Encrypt', { GrantTokens: 'a' }, 'STRING_VALUE cannot be converted to List'],
  [
    'an object for a list',
    'Encrypt',
    { GrantTokens: {} },
    'Start of structure or map found where not expected',
  ],
  [
    'null in a list',
    'Encrypt',
    { GrantTokens: [null] },
    'NULL_VALUE cannot be converted to String',
  ],
  [
    'null among tags',
    'TagResource',
    { Tags: [null] },
    'NULL_VALUE cannot be converted to Structure',
  ],
  [
    'text for a map',
    'Encrypt',
    { EncryptionContext: 'a' },
    'STRING_VALUE cannot be converted to Map',
  ],
  [
    'a list for a map',
    'Encrypt',
    { EncryptionContext: [] },
    'Start of list found where not expected',
  ],
  [
    'null in a map',
    'Encrypt',
    { EncryptionContext: { a: null } },
    'NULL_VALUE cannot be converted to String',
  ],
  [
    'a number in a map',
    'Encrypt',
    { EncryptionContext: { a: 1 } },
    'NUMBER_VALUE cannot be converted to String',
  ],
  [
    'half a character',
    'DescribeKey',
    { KeyId: '\ud800' },
    'STRING_VALUE cannot be converted to String',
  ],
  [
    'half a character in a map key',
    'Encrypt',
    { EncryptionContext: { '\udfff': 'x' } },
    'STRING_VALUE cannot be converted to String',
  ],
  [
    'a thousand and one elements',
    'TagResource',
    { Tags: Array(1001).fill({}) },
    'A list has more than 1000 elements',
  ],
])('%s is refused as a wrong type', (_, operation, json, message) => {
  expect(() => parseInput(operation, json)).toThrow(refusal(message));
});

test('A wrong type is told before any violated constraint', () => {
  expect(() => parseInput('Sign', { KeyId: '', MessageType: 3 })).toThrow(
    refusal('NUMBER_VALUE cannot be converted to String'),
  );
});

test('A wrong type is told without its value', () => {
  const json = { KeyId: 'k', Plaintext: 'not base64, but secret' };
  expect(() => parseInput('Encrypt', json)).toThrow(
    refusal('STRING_VALUE cannot be converted to Blob'),
  );
});

test('Members that are null are absent', () => {
  expect(parseInput('ListKeys', { Limit: null, Marker: null })).toEqual({});
  expect(Object.keys(parseInput('ListKeys', { Limit: null }))).toEqual([]);
});

test('Unknown members are left out', () => {
  const json: unknown = JSON.parse('{"Limit":1,"limit":2,"__proto__":{"Marker":"m"},"x":[[{}]]}');
  const input = parseInput('ListKeys', json);
  expect(Object.entries(input)).toEqual([['Limit', 1]]);
  expect(input.Marker).toBeUndefined();
});

test('A map holds what was sent and finds nothing else', () => {
  const json: unknown = JSON.parse(
    '{"KeyId":"k","Plaintext":"AA==","EncryptionContext":{"__proto__":"a","x":"b"}}',
  );
  const { EncryptionContext: context = {} } = parseInput('Encrypt', json);
  expect(Object.entries(context)).toEqual([
    ['__proto__', 'a'],
    ['x', 'b'],
  ]);
  expect(context['constructor']).toBeUndefined();
  expect(context['__proto__']).toBe('a');
});

test('The request is not changed', () => {
  const json = { KeyId: 'k', Plaintext: 'AA==', EncryptionContext: { a: 'b' }, GrantTokens: ['t'] };
  const before = structuredClone(json);
  const input = parseInput('Encrypt', json);
  expect(json).toEqual(before);
  expect(input.GrantTokens).not.toBe(json.GrantTokens);
});

test('Seconds with a fraction are a time to the millisecond', () => {
  const json = {
    ...key,
    ImportToken: 'AA==',
    EncryptedKeyMaterial: 'AA==',
    ValidTo: 1593622000.191,
  };
  expect(parseInput('ImportKeyMaterial', json)).toEqual({
    KeyId: 'k',
    ImportToken: Buffer.from([0]),
    EncryptedKeyMaterial: Buffer.from([0]),
    ValidTo: new Date('2020-07-01T16:46:40.191Z'),
  });
});
