import { KmsError, invalidMember } from '../../src/errors';
import {
  type Entry,
  batchOperations,
  maxEntries,
  readBatch,
  readInputs,
  writeResults,
} from '../../src/rest/batch';
import { asInput } from '../../src/rest/problems';
import { readQuery } from '../../src/rest/query';
import { type Route, routes } from '../../src/rest/routes';

const none = readQuery('');
const Plaintext = Buffer.from('p').toString('base64');
const encrypt = { Operation: 'Encrypt', Input: { KeyId: 'k', Plaintext } };

/** What a ValidationException lists, as `pointer: detail`. */
function violationsOf(read: () => unknown, place = asInput): string[] {
  try {
    read();
  } catch (thrown) {
    if (!(thrown instanceof KmsError)) throw thrown;
    expect(thrown.code).toBe('ValidationException');
    return thrown.violations.map((violation) => {
      const { pointer, detail } = place(violation);
      return `${pointer}: ${detail}`;
    });
  }
  return [];
}

/** Of the input of an entry, as the answer has them. */
const violationsIn = (entry: Entry | undefined, operation: 'Encrypt' | 'ReEncrypt'): string[] =>
  violationsOf(() => entry?.input(operation), entry?.place);

const ofBatch = (json: unknown): string[] => violationsOf(() => readBatch(json, none));

test('a batch has its entries in their order, each with its operation and input', () => {
  const inputs = {
    Decrypt: { CiphertextBlob: Plaintext },
    Encrypt: { KeyId: 'k', Plaintext },
    GenerateDataKey: { KeyId: 'k', NumberOfBytes: 16 },
    ReEncrypt: { CiphertextBlob: Plaintext, DestinationKeyId: 'k' },
  };
  const entries = readBatch(
    { Entries: batchOperations.map((Operation) => ({ Operation, Input: inputs[Operation] })) },
    none,
  );
  expect(entries.map(({ operation }) => operation)).toEqual(batchOperations);
  expect(entries[1]?.input('Encrypt')).toEqual({ KeyId: 'k', Plaintext: Buffer.from('p') });
});

test.each([
  ['no object', [], [': must be an object']],
  ['nothing', {}, ['/Entries: is required']],
  ['no list', { Entries: {} }, ['/Entries: must be an array']],
  ['null', { Entries: null }, ['/Entries: must be an array']],
  ['no entry', { Entries: [] }, ['/Entries: must have at least 1 element']],
  [
    'too many entries',
    { Entries: Array.from({ length: maxEntries + 1 }, () => encrypt) },
    ['/Entries: must have at most 100 elements'],
  ],
  ['a member more', { Entries: [encrypt], Failed: 0 }, ['/Failed: is not known here']],
  [
    'a member whose name is half a character',
    { Entries: [encrypt], '\ud800': 0 },
    [': has a member that is not known here'],
  ],
])('a batch with %s is refused', (_what, json, expected) => {
  expect(ofBatch(json)).toEqual(expected);
});

test('everything that is wrong with the entries of a batch is told of at once', () => {
  const Entries = [
    encrypt,
    7,
    {},
    { Operation: 'DescribeKey', Input: {} },
    { Operation: 'toString', Input: {}, KeyId: 'k' },
    { Operation: null, Input: {} },
  ];
  const known = 'must be one of Decrypt, Encrypt, GenerateDataKey, ReEncrypt';
  expect(ofBatch({ Entries })).toEqual([
    '/Entries/1: must be an object',
    '/Entries/2/Operation: is required',
    '/Entries/2/Input: is required',
    `/Entries/3/Operation: ${known}`,
    '/Entries/4/KeyId: is not known here',
    `/Entries/4/Operation: ${known}`,
    `/Entries/5/Operation: ${known}`,
  ]);
});

test('names of the prototype are members that are not known, as others are', () => {
  const json = `{"Entries":[{"Operation":"Encrypt","Input":{},"__proto__":{}}],"constructor":{}}`;
  expect(ofBatch(JSON.parse(json))).toEqual([
    '/constructor: is not known here',
    '/Entries/0/__proto__: is not known here',
  ]);
  const [entry] =
    inputsOf(JSON.parse('{"Entries":[{"__proto__":{"CiphertextBlob":"eA=="}}]}')) ?? [];
  expect(violationsIn(entry, 'ReEncrypt')).toEqual(['/Entries/0/__proto__: is not known here']);
});

test('a body of very many violations is answered with a hundred', () => {
  const Input = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`m${n}`, n]));
  expect(ofBatch({ Entries: [{ Operation: 'Encrypt', Input, ...Input }] })).toHaveLength(100);
});

test('a batch takes no parameters in its query', () => {
  const read = () => readBatch({ Entries: [encrypt] }, readQuery('limit=5'));
  expect(violationsOf(read)).toEqual(['/limit: is not known here']);
});

test('what is wrong inside of an input is its entry’s matter, by pointers from the body', () => {
  const bad = { Operation: 'Encrypt', Input: { KeyId: 7, Extra: 1 } };
  const entries = readBatch({ Entries: [encrypt, bad, { ...encrypt, Input: 'x' }] }, none);
  expect(violationsIn(entries[1], 'Encrypt')).toEqual([
    '/Entries/1/Input/KeyId: must be a string',
    '/Entries/1/Input/Plaintext: is required',
    '/Entries/1/Input/Extra: is not known here',
  ]);
  expect(violationsIn(entries[2], 'Encrypt')).toEqual(['/Entries/2/Input: must be an object']);
});

test('what an operation refuses of an input has a pointer from the body too', () => {
  const [, entry] = readBatch({ Entries: [encrypt, encrypt] }, none);
  const refused = (): never => {
    throw invalidMember('EncryptionContext', 'is too large');
  };
  expect(violationsOf(refused, entry?.place)).toEqual([
    '/Entries/1/Input/EncryptionContext: is too large',
  ]);
});

const reEncrypt = routes.find(({ operation }) => operation === 'ReEncrypt') as Route;
const path = { DestinationKeyId: 'k' };
const inputsOf = (json: unknown, query = '') =>
  readInputs(json, reEncrypt, { path, query: readQuery(query) });

test('a body with Entries has a list of inputs, and any other body has one', () => {
  const one = { CiphertextBlob: Plaintext };
  expect(inputsOf(one)).toBeUndefined();
  expect(inputsOf('Entries')).toBeUndefined();
  const entries = inputsOf({ Entries: [one, { ...one, SourceKeyId: 's' }] });
  expect(entries?.map((entry) => entry.input('ReEncrypt'))).toEqual([
    { CiphertextBlob: Buffer.from('p'), DestinationKeyId: 'k' },
    { CiphertextBlob: Buffer.from('p'), DestinationKeyId: 'k', SourceKeyId: 's' },
  ]);
});

test('a list of inputs is refused as a batch is', () => {
  const CiphertextBlob = Plaintext;
  expect(violationsOf(() => inputsOf({ Entries: [], CiphertextBlob }, 'a=b'))).toEqual([
    '/a: is not known here',
    '/CiphertextBlob: is not known here',
    '/Entries: must have at least 1 element',
  ]);
});

test('what the path names, no input of a list may', () => {
  const [entry] = inputsOf({ Entries: [{ DestinationKeyId: 'other', CiphertextBlob: 7 }] }) ?? [];
  expect(violationsIn(entry, 'ReEncrypt')).toEqual([
    '/Entries/0/CiphertextBlob: must be a string of base64, padded (RFC 4648 §4)',
    '/Entries/0/DestinationKeyId: is in the path already and must not be in the body',
  ]);
  const long = readInputs({ Entries: [{ CiphertextBlob: Plaintext }] }, reEncrypt, {
    path: { DestinationKeyId: 'k'.repeat(2049) },
    query: none,
  });
  expect(violationsIn(long?.[0], 'ReEncrypt')).toEqual([
    '/DestinationKeyId: must have at most 2048 characters',
  ]);
});

test('the results stand in the order of the entries, with the number of those that failed', () => {
  const text = writeResults([
    { requestId: 'a', answer: { ok: true, output: '{"KeyId":"k"}' }, place: asInput },
    {
      requestId: 'b',
      answer: { ok: false, error: new KmsError('NotFoundException', 'gone') },
      place: asInput,
    },
  ]);
  expect(JSON.parse(text)).toEqual({
    Results: [
      { Status: 200, RequestId: 'a', Output: { KeyId: 'k' } },
      {
        ...{ Status: 404, RequestId: 'b' },
        Problem: {
          ...{ type: 'urn:claviger:problem:NotFoundException', code: 'NotFoundException' },
          title: 'What the request names does not exist.',
          ...{ status: 404, detail: 'gone', instance: 'urn:uuid:b', requestId: 'b' },
        },
      },
    ],
    Failed: 1,
  });
});
