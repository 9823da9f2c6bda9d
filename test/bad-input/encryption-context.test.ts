import { maxEncryptionContextBytes } from '../../src/keys/encryption-context';
import { type Answer, type Target, startTarget } from './target';

let target: Target;
let before: unknown;
const Plaintext = Buffer.from('attack at dawn').toString('base64');

beforeAll(async () => {
  target = await startTarget();
  before = await target.state();
});
afterAll(() => target.close());

const encrypt = (context: unknown): Promise<Answer> =>
  target.send('Encrypt', { KeyId: target.keyId, Plaintext, EncryptionContext: context });

const decrypt = (CiphertextBlob: unknown, context?: unknown): Promise<Answer> =>
  target.send('Decrypt', { CiphertextBlob, EncryptionContext: context });

/** Each pair costs its text and two lengths of four bytes, all pairs together a count of four. */
const overhead = 4 + 2 * 4;

describe('an encryption context that is text is bound to the ciphertext exactly', () => {
  test.each<[string, Record<string, string>, Record<string, string>]>([
    ['an empty value', { a: '' }, {}],
    ['an empty key', { '': 'a' }, { a: '' }],
    ['both empty', { '': '' }, {}],
    ['letter case', { A: 'b' }, { a: 'b' }],
    ['a boundary between key and value', { ab: 'c' }, { a: 'bc' }],
    ['a boundary between pairs', { a: 'b', c: 'd' }, { a: 'bc', '': 'd' }],
    ['composed and decomposed letters', { '\u00e9': '' }, { 'e\u0301': '' }],
    ['U+0000', { 'a\0': 'b' }, { a: '\0b' }],
    ['letters beyond the basic plane', { '\u{1f511}': '\u{10ffff}' }, { '\u{1f510}': '' }],
    ['a noncharacter', { '\ufffe': 'a' }, { '\ufffd': 'a' }],
    ['a name of Object.prototype', { ['__proto__']: 'a' }, {}],
    ['a method of JSON', { toJSON: 'a' }, {}],
    ['white space', { ' a': 'b' }, { a: 'b' }],
  ])('%s', async (_what, context, other) => {
    const encrypted = await encrypt(context);
    expect(encrypted.status).toBe(200);
    const blob = encrypted.body['CiphertextBlob'];
    expect((await decrypt(blob, context)).body).toMatchObject({ Plaintext });
    for (const wrong of [other, { ...context, extra: '' }, undefined]) {
      const { status, body } = await decrypt(blob, wrong);
      expect({ status, body }).toEqual({
        status: 400,
        body: { __type: 'InvalidCiphertextException' },
      });
    }
  });

  test('an absent one, null and an empty one are the same', async () => {
    for (const context of [undefined, null, {}]) {
      const { body } = await encrypt(context);
      for (const other of [undefined, null, {}]) {
        expect((await decrypt(body['CiphertextBlob'], other)).body).toMatchObject({ Plaintext });
      }
    }
  });

  test('the order of its pairs does not count', async () => {
    const { body } = await encrypt({ a: '1', b: '2', '10': '3', '9': '4' });
    const turned = { b: '2', '9': '4', '10': '3', a: '1' };
    expect((await decrypt(body['CiphertextBlob'], turned)).body).toMatchObject({ Plaintext });
  });
});

describe('its limit', () => {
  const largest = { a: 'x'.repeat(maxEncryptionContextBytes - overhead - 1) };

  test('is reached exactly', async () => {
    const { status, body } = await encrypt(largest);
    expect(status).toBe(200);
    expect((await decrypt(body['CiphertextBlob'], largest)).body).toMatchObject({ Plaintext });
  });

  test.each([
    ...['Encrypt', 'Decrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext'],
    ...['GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext'],
  ])('and one byte more is a ValidationException of %s', async (operation) => {
    const { status, body } = await target.send(operation, {
      KeyId: target.keyId,
      ...(operation === 'Encrypt' ? { Plaintext } : {}),
      ...(operation === 'Decrypt' ? { CiphertextBlob: 'AAAA' } : {}),
      ...(operation.startsWith('Generate') ? { KeySpec: 'AES_256', KeyPairSpec: 'RSA_2048' } : {}),
      EncryptionContext: { a: `${largest.a}x` },
    });
    expect(status).toBe(400);
    expect(body['__type']).toBe('ValidationException');
    expect(String(body['message'])).toContain(String(maxEncryptionContextBytes));
    expect(String(body['message'])).not.toContain('xxx');
  });

  test.each(['SourceEncryptionContext', 'DestinationEncryptionContext'])(
    'holds for the %s of a ReEncrypt',
    async (member) => {
      const { body } = await target.send('ReEncrypt', {
        CiphertextBlob: 'AAAA',
        DestinationKeyId: target.keyId,
        [member]: { a: `${largest.a}x` },
      });
      expect(body['__type']).toBe('ValidationException');
    },
  );

  test('counts bytes and pairs, so fifty thousand empty ones are too many', async () => {
    const pairs = Array.from({ length: 50_000 }, (_, i) => [String(i), '']);
    expect((await encrypt(Object.fromEntries(pairs))).body['__type']).toBe('ValidationException');
  });
});

test.each([
  ['a number', { a: 1 }, 'NUMBER_VALUE cannot be converted to String'],
  ['true', { a: true }, 'TRUE_VALUE cannot be converted to String'],
  ['null', { a: null }, 'NULL_VALUE cannot be converted to String'],
  ['a list', { a: ['b'] }, 'Start of list found where not expected'],
  ['an object', { a: {} }, 'Start of structure or map found where not expected'],
  ['half a surrogate pair', { a: '\ud83d' }, 'STRING_VALUE cannot be converted to String'],
  [
    'half a surrogate pair as a key',
    { '\udd11': '' },
    'STRING_VALUE cannot be converted to String',
  ],
  ['a list of pairs', [['a', 'b']], 'Start of list found where not expected'],
  ['text', 'a=b', 'STRING_VALUE cannot be converted to Map'],
])('a context of %s is a SerializationException', async (_what, context, message) => {
  const { status, body } = await encrypt(context);
  expect({ status, body }).toEqual({
    status: 400,
    body: { __type: 'SerializationException', message },
  });
});

test('no context changed anything', async () => {
  expect(await target.state()).toEqual(before);
});
