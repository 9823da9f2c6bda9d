import { gzipSync } from 'node:zlib';
import { shapes } from '../../src/shapes/kms.generated';
import { operationNamesOf, operationShapes } from '../../src/shapes/operations';
import type { Shape } from '../../src/shapes/model';
import { type Answer, type Target, startTarget } from './target';

let target: Target;
let before: unknown;
const requestIds: string[] = [];

beforeAll(async () => {
  target = await startTarget();
  before = await target.state();
});
afterAll(() => target.close());

async function send(operation: string, body: unknown, headers = {}): Promise<Answer> {
  const answer = await target.send(operation, body, headers);
  requestIds.push(answer.requestId);
  return answer;
}

const bytes = (...given: number[]): Buffer => Buffer.from(given);

describe('a body that is not JSON in UTF-8 is a SerializationException without a message', () => {
  test.each<[string, string | Buffer]>([
    ['an open brace', '{'],
    ['half a word', 'nul'],
    ['two values', '{}{}'],
    ['a trailing comma', '{"KeyId":"k",}'],
    ['single quotes', "{'KeyId':'k'}"],
    ['a comment', '{}//'],
    ['NaN', '{"Limit":NaN}'],
    ['a leading zero', '{"Limit":01}'],
    ['a raw control character in a string', '{"KeyId":"\u0001"}'],
    ['a bad escape', '{"KeyId":"\\x41"}'],
    ['a byte order mark', '\ufeff{}'],
    ['a NUL byte', '\0'],
    ['NUL bytes behind the value', '{}\0\0'],
    ['white space alone', '   '],
    ['a form', 'Action=ListKeys&Version=2014-11-01'],
    ['XML', '<ListKeys/>'],
    ['a lone continuation byte', bytes(0x7b, 0x22, 0x80, 0x22, 0x3a, 0x31, 0x7d)],
    ['an overlong encoding', bytes(0x22, 0xc0, 0xaf, 0x22)],
    ['a surrogate in UTF-8', bytes(0x22, 0xed, 0xa0, 0x80, 0x22)],
    ['UTF-16', Buffer.from('{}', 'utf16le')],
    ['gzip', gzipSync('{}')],
  ])('%s', async (_what, body) => {
    const { status, body: error } = await send('ListKeys', body);
    expect({ status, error }).toEqual({
      status: 400,
      error: { __type: 'SerializationException' },
    });
  });

  test('a compressed body is not unpacked, whatever its headers say', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const answer = await send('ListKeys', gzipSync('{}'), headers);
    expect(answer.body).toEqual({ __type: 'SerializationException' });
  });
});

test.each([
  ['null', 'NULL_VALUE cannot be converted to Structure'],
  ['[]', 'Start of list found where not expected'],
  ['1', 'NUMBER_VALUE cannot be converted to Structure'],
  ['1e400', 'DECIMAL_VALUE cannot be converted to Structure'],
  ['"x"', 'STRING_VALUE cannot be converted to Structure'],
  ['true', 'TRUE_VALUE cannot be converted to Structure'],
])('the body %s is no structure', async (body, message) => {
  expect((await send('ListKeys', body)).body).toEqual({
    __type: 'SerializationException',
    message,
  });
});

/** For each type of member, JSON of every other type. */
const wrongValues: Readonly<Record<Shape['type'], readonly unknown[]>> = {
  string: [1, true, {}, [], '\ud800'],
  blob: [1, true, {}, [], 'not base64!', '\ud800'],
  integer: ['1', true, {}, [], 1.5, 2 ** 31, -(2 ** 53)],
  boolean: ['true', 1, {}, []],
  timestamp: ['2026-01-01', true, {}, [], 1e300],
  list: ['a', 1, true, {}, [null]],
  map: ['a', 1, true, [], { a: null }, { a: 1 }, { a: {} }],
  structure: ['a', 1, true, []],
};

test('a value of a wrong type in any member of any operation is a SerializationException that does not quote it', async () => {
  const answers: unknown[] = [];
  for (const operation of operationNamesOf('kms')) {
    const { input } = operationShapes[operation];
    const structure = shapes[input];
    if (structure?.type !== 'structure') throw new Error(`${input} is no structure`);
    const members = Object.entries(structure.members);
    for (const [index, [member, shape]] of members.entries()) {
      const { type } = shapes[shape] as Shape;
      const values = wrongValues[type];
      const value = values[index % values.length];
      const { status, body } = await send(operation, { [member]: value });
      const message = String(body['message']);
      answers.push({ operation, member, status, code: body['__type'], message: says(message) });
    }
  }
  expect(answers.length).toBeGreaterThan(150);
  const good = { status: 400, code: 'SerializationException', message: 'the type alone' };
  expect(answers.filter((one) => !contains(one, good))).toEqual([]);
});

function says(message: string): string {
  const form =
    /^([A-Z_]+_VALUE cannot be converted to [A-Z][a-z]+|Start of (list|structure or map) found where not expected)$/;
  return form.test(message) ? 'the type alone' : message;
}

function contains(value: unknown, part: Record<string, unknown>): boolean {
  const record = value as Record<string, unknown>;
  return Object.entries(part).every(([name, one]) => record[name] === one);
}

describe('depth, size and number', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

  test('half a million nested lists in an unknown member are passed over', async () => {
    const answer = await send('ListKeys', `{"Unknown":${nested(500_000)}}`);
    expect(answer).toMatchObject({ status: 200, body: { Truncated: false } });
  });

  test('half a million nested objects in a known member are refused at the first', async () => {
    const depth = 170_000;
    const body = `{"EncryptionContext":{"a":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}}`;
    expect((await send('Encrypt', body)).body).toEqual({
      __type: 'SerializationException',
      message: 'Start of structure or map found where not expected',
    });
  });

  test.each([
    ['1e400', 'DECIMAL_VALUE'],
    ['1.5', 'DECIMAL_VALUE'],
    ['2147483648', 'NUMBER_VALUE'],
    ['-99999999999999999999999999', 'NUMBER_VALUE'],
    [`1${'0'.repeat(1000)}`, 'DECIMAL_VALUE'],
  ])('a Limit of more than 32 bits, or none: %#', async (limit, token) => {
    expect((await send('ListKeys', `{"Limit":${limit}}`)).body).toEqual({
      __type: 'SerializationException',
      message: `${token} cannot be converted to Integer`,
    });
  });

  test.each([
    [0, 'greater than or equal to 1'],
    [-2147483647, 'greater than or equal to 1'],
    [1001, 'less than or equal to 1000'],
  ])('the Limit %d is out of range', async (limit, rule) => {
    expect((await send('ListKeys', { Limit: limit })).body).toEqual({
      __type: 'ValidationException',
      message: `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must have value ${rule}`,
    });
  });

  test('a list with more than a thousand elements is refused by its number', async () => {
    const GrantTokens = Array.from({ length: 1001 }, () => 't');
    expect((await send('Encrypt', { GrantTokens })).body).toEqual({
      __type: 'SerializationException',
      message: 'A list has more than 1000 elements',
    });
  });

  test('a list of nothing but bad elements is quoted once', async () => {
    const body = {
      KeyId: 'k',
      Plaintext: 'YQ==',
      GrantTokens: [...Array<string>(999).fill(''), 'x'.repeat(1_000_000)],
    };
    const answer = await send('Encrypt', body);
    expect(answer.body['__type']).toBe('ValidationException');
    // Quoted once an element it took seconds of the event loop.
    expect(answer.text.length).toBeLessThan(2_100_000);
  });

  test('a body of exactly one mebibyte is read', async () => {
    const answer = await send('ListKeys', `{}${' '.repeat(1_048_574)}`);
    expect(answer).toMatchObject({ status: 200, body: { Truncated: false } });
  });

  test('a body of one byte more is a RequestEntityTooLargeException', async () => {
    const answer = await send('ListKeys', `{}${' '.repeat(1_048_575)}`);
    expect(answer).toMatchObject({
      status: 413,
      body: {
        __type: 'RequestEntityTooLargeException',
        message: 'The request body must have length less than or equal to 1048576 bytes.',
      },
    });
  });
});

describe('names that mean something to JavaScript or Postgres', () => {
  test('the last of two members with one name counts, for authorization and the answer alike', async () => {
    const body = `{"KeyId":"alias/nobody","KeyId":"${target.keyId}"}`;
    expect(await send('DescribeKey', body)).toMatchObject({
      status: 200,
      body: { KeyMetadata: { KeyId: target.keyId } },
    });
  });

  test.each(['__proto__', 'constructor', 'prototype'])(
    'a member %s lends nothing to the input',
    async (name) => {
      const body = `{"${name}":{"KeyId":"${target.keyId}"}}`;
      expect((await send('DescribeKey', body)).body).toEqual({
        __type: 'ValidationException',
        message:
          "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
      });
    },
  );

  test.each([
    ['a description', { Description: 'a\0b' }, 'ValidationException'],
    ['a tag key', { Tags: [{ TagKey: 'a\0', TagValue: '' }] }, 'TagException'],
    ['a tag value', { Tags: [{ TagKey: 'a', TagValue: '\0' }] }, 'TagException'],
    ['a policy', { Policy: '{"Id":"\0"}' }, 'ValidationException'],
    ['a policy, escaped', { Policy: '{"Id":"\\u0000"}' }, 'MalformedPolicyDocumentException'],
    ['a key store', { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId: '\0' }, 'ValidationException'],
  ])('U+0000 in %s of a new key is refused', async (_what, input, code) => {
    const { status, body } = await send('CreateKey', input);
    expect({ status, code: body['__type'] }).toEqual({ status: 400, code });
  });

  test.each(['["ListKeys 111122223333","\\u0000"]', '["ListKeys 111122223333",1]', '{}', 'x'])(
    'the made-up marker %s is an InvalidMarkerException',
    async (marker) => {
      const Marker = Buffer.from(marker).toString('base64');
      const { status, body } = await send('ListKeys', { Marker });
      expect({ status, body }).toEqual({ status: 400, body: { __type: 'InvalidMarkerException' } });
    },
  );
});

test('no body changed anything, and each has one audit record', async () => {
  expect(requestIds.length).toBeGreaterThan(200);
  expect(new Set(requestIds).size).toBe(requestIds.length);
  const audited = new Map<string, number>();
  for (const id of await target.audited()) audited.set(id, (audited.get(id) ?? 0) + 1);
  expect(requestIds.filter((id) => audited.get(id) !== 1)).toEqual([]);
  expect(await target.state()).toEqual(before);
});
