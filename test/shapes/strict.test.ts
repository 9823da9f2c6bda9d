import { type Fault, type OperationName, strictInput } from '../../src/shapes';

/** Each fault as `pointer: detail`. */
function faultsOf(name: OperationName, json: unknown): string[] {
  return strictInput(name, json).faults.map(told);
}

function told({ path, detail }: Fault): string {
  return `${path.map((segment) => `/${segment}`).join('')}: ${detail}`;
}

const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';

const importing = { KeyId: keyId, ImportToken: 'AAEC', EncryptedKeyMaterial: 'AAEC' };

test('a valid input is decoded as parseInput decodes it, but for its dates', () => {
  const { input, faults } = strictInput('ImportKeyMaterial', {
    ...importing,
    ValidTo: '2026-11-26T02:00:00.5Z',
  });
  expect(faults).toEqual([]);
  expect(input).toEqual({
    KeyId: keyId,
    ImportToken: Buffer.from([0, 1, 2]),
    EncryptedKeyMaterial: Buffer.from([0, 1, 2]),
    ValidTo: new Date(Date.UTC(2026, 10, 26, 2, 0, 0, 500)),
  });
});

test('faults of every kind are told of at once, in the order of the model, what is unknown last', () => {
  const sent = {
    Surprise: 1,
    GrantTokens: ['', 7],
    DryRun: 'yes',
    Plaintext: 'not base64',
    EncryptionContext: { a: 1, b: 'x' },
    EncryptionAlgorithm: 'ROT13',
  };
  expect(faultsOf('Encrypt', sent)).toEqual([
    '/DryRun: must be true or false',
    '/EncryptionAlgorithm: must be one of SYMMETRIC_DEFAULT, RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE',
    '/EncryptionContext/a: must be a string',
    '/GrantTokens/0: must have at least 1 character',
    '/GrantTokens/1: must be a string',
    '/KeyId: is required',
    '/Plaintext: must be a string of base64, padded (RFC 4648 §4)',
    '/Surprise: is not known here',
  ]);
});

test.each<[OperationName, unknown, readonly string[]]>([
  ['ListKeys', null, [': must be an object']],
  ['ListKeys', [], [': must be an object']],
  ['ListKeys', 'text', [': must be an object']],
  ['ListKeys', { Limit: null }, ['/Limit: must be an integer']],
  ['ListKeys', { Limit: 1.5 }, ['/Limit: must be an integer']],
  ['ListKeys', { Limit: '1' }, ['/Limit: must be an integer']],
  ['ListKeys', { Limit: 1e300 }, ['/Limit: must be an integer of 32 bits']],
  ['ListKeys', { Limit: 0 }, ['/Limit: must be at least 1']],
  ['ListKeys', { Limit: 1001 }, ['/Limit: must be at most 1000']],
  ['ListKeys', { Marker: '' }, ['/Marker: must have at least 1 character']],
  ['ListKeys', { Marker: '\ud800' }, ['/Marker: must be well-formed Unicode']],
  ['DescribeKey', { KeyId: keyId, GrantTokens: {} }, ['/GrantTokens: must be an array']],
  ['UntagResource', { KeyId: keyId }, ['/TagKeys: is required']],
  ['TagResource', { KeyId: keyId, Tags: [null] }, ['/Tags/0: must be an object']],
  [
    'TagResource',
    { KeyId: keyId, Tags: [{ TagKey: 'a' }, { TagValue: 'b', More: 1 }] },
    [
      '/Tags/0/TagValue: is required',
      '/Tags/1/TagKey: is required',
      '/Tags/1/More: is not known here',
    ],
  ],
  ['Encrypt', { KeyId: keyId, Plaintext: '' }, ['/Plaintext: must have at least 1 byte']],
])('%s of %j is refused', (name, json, faults) => {
  expect(faultsOf(name, json)).toEqual(faults);
});

test.each([
  '2026-11-26',
  '2026-11-26T02:00:00',
  '2026-11-26 02:00:00Z',
  '2026-02-30T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-11-26T24:00:00Z',
  '2026-11-26T02:00:60Z',
  '2026-11-26T02:00:00.Z',
  '2026-11-26T02:00:00+0100',
  'Thu, 26 Nov 2026 02:00:00 GMT',
  '',
  1_795_658_400,
  null,
])('%j is no date', (ValidTo) => {
  expect(faultsOf('ImportKeyMaterial', { ...importing, ValidTo })).toEqual([
    '/ValidTo: must be a date as RFC 3339 has it, such as 2026-11-26T02:00:00Z',
  ]);
});

test.each([
  ['2026-11-26T03:00:00+01:00', '2026-11-26T02:00:00.000Z'],
  ['2026-11-26t02:00:00z', '2026-11-26T02:00:00.000Z'],
  ['2024-02-29T00:00:00.123456789Z', '2024-02-29T00:00:00.123Z'],
])('%s is the date %s', (ValidTo, date) => {
  const sent = { ...importing, ValidTo };
  expect(strictInput('ImportKeyMaterial', sent).input.ValidTo?.toISOString()).toBe(date);
});

test('names that reach for a prototype are names like others', () => {
  const sent = JSON.parse('{"__proto__":{"KeyId":"x"},"constructor":1}') as unknown;
  expect(faultsOf('DescribeKey', sent)).toEqual([
    '/KeyId: is required',
    '/__proto__: is not known here',
    '/constructor: is not known here',
  ]);
  const context = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
  const { input, faults } = strictInput('Encrypt', {
    KeyId: keyId,
    Plaintext: 'AA==',
    EncryptionContext: context,
  });
  expect(faults).toEqual([]);
  expect(Object.entries(input.EncryptionContext ?? {})).toEqual([['__proto__', 'x']]);
});

test('a name that is long, or that no text can carry, is not repeated', () => {
  const long = 'n'.repeat(129);
  expect(faultsOf('ListKeys', { [long]: 1, '\ud800': 1 })).toEqual([
    ': has a member that is not known here',
    ': has a member that is not known here',
  ]);
  const sent = { KeyId: keyId, Plaintext: 'AA==', EncryptionContext: { [long]: 1, '\ud800': 'x' } };
  expect(faultsOf('Encrypt', sent)).toEqual([
    '/EncryptionContext: must be a string',
    '/EncryptionContext: has a name that is not well-formed Unicode',
  ]);
});

test('what is told of many faults is bounded, and so is the work for them', () => {
  const unknown = Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`m${i}`, null]));
  expect(faultsOf('ListKeys', unknown)).toHaveLength(100);
  const many = (length: number) => ({ KeyId: keyId, GrantTokens: Array.from({ length }, () => 1) });
  expect(faultsOf('DescribeKey', many(1000))).toHaveLength(100);
  expect(faultsOf('DescribeKey', many(1001))).toEqual([
    '/GrantTokens: must have at most 1000 elements',
  ]);
  // After so many faults, blobs and strings of a wrong type are still seen to be wrong.
  const late = { KeyId: 1, CiphertextBlob: 'AA==', Recipient: { AttestationDocument: 1 } };
  expect(faultsOf('Decrypt', { ...late, EncryptionContext: unknown })).toHaveLength(100);
});

test('nesting that has no end is refused as a wrong type, without a walk through it', () => {
  const depth = 100_000;
  const deep = JSON.parse(`{"KeyId":${'['.repeat(depth)}${']'.repeat(depth)}}`) as unknown;
  expect(faultsOf('DescribeKey', deep)).toEqual(['/KeyId: must be a string']);
});

test('no fault repeats a value', () => {
  const secret = 'c2VjcmV0IHNlY3JldA';
  const sent = {
    KeyId: `${secret} \u00e9`,
    Plaintext: secret,
    DryRun: secret,
    GrantTokens: secret,
  };
  expect(faultsOf('Encrypt', sent).join()).not.toContain(secret);
});
