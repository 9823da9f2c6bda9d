import { XksError } from '../../src/xks/errors';
import {
  hasWord,
  metadataMembers,
  optionalBytes,
  parseMembers,
  requestMetadata,
  requireWord,
  requiredBytes,
} from '../../src/xks/fields';

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof XksError) return `${error.errorName}: ${error.message}`;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a body', () => {
  test.each([
    ['no bytes', Buffer.alloc(0)],
    ['no JSON', Buffer.from('{"a":')],
    ['a list', Buffer.from('[]')],
    ['null', Buffer.from('null')],
    ['a text', Buffer.from('"x"')],
    ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['JSON behind a byte order mark', Buffer.from('\ufeff{}')],
  ])('of %s is refused without being quoted', (_what, body) => {
    expect(refusal(() => parseMembers(body))).toBe(
      'ValidationException: The body of the request is not a JSON object.',
    );
  });
});

describe('requestMetadata', () => {
  const given = {
    kmsRequestId: '',
    kmsOperation: 'NobodyKnows',
    awsPrincipalArn: 'AWS Internal',
    kmsKeyArn: 'anything',
  };

  test('takes whatever texts there are, and members that nobody knows', () => {
    const body = { ...given, sourceIdentity: { new: [1] }, kmsViaService: null };
    expect(requestMetadata(body, ['awsPrincipalArn', 'kmsKeyArn'])).toEqual({
      ...given,
      kmsViaService: undefined,
      awsSourceVpc: undefined,
      awsSourceVpce: undefined,
    });
  });

  test.each([
    ['is missing', undefined, 'requestMetadata is missing, or not an object.'],
    ['is a list', [], 'requestMetadata is missing, or not an object.'],
    ['is null', null, 'requestMetadata is missing, or not an object.'],
    ['is empty', {}, 'kmsRequestId is missing.'],
    ['has no kmsOperation', { kmsRequestId: 'r' }, 'kmsOperation is missing.'],
    ['has null for one', { ...given, kmsOperation: null }, 'kmsOperation is missing.'],
    ['has a number', { ...given, kmsRequestId: 1 }, 'kmsRequestId is not a string.'],
    ['has a list', { ...given, awsSourceVpc: ['x'] }, 'awsSourceVpc is not a string.'],
    [
      'lacks what the operation wants',
      { kmsRequestId: 'r', kmsOperation: 'o' },
      'awsPrincipalArn is missing.',
    ],
  ])('that %s is refused', (_what, metadata, message) => {
    const read = () =>
      requestMetadata(metadataMembers({ requestMetadata: metadata }), ['awsPrincipalArn']);
    expect(refusal(read)).toBe(`ValidationException: ${message}`);
  });
});

describe('base64', () => {
  test.each([
    ['not padded', 'aGVsbG8'],
    ['of the URL alphabet', '-_-_'],
    ['with white space', 'aGVs bG8='],
    ['with bits that nobody reads', 'aGVsbG9='],
    ['with a line end', 'aGVsbG8=\n'],
  ])('that is %s is refused', (_what, text) => {
    expect(refusal(() => requiredBytes({ plaintext: text }, 'plaintext'))).toBe(
      'ValidationException: plaintext is not base64.',
    );
  });

  test('is empty where the member is not there, or null', () => {
    expect(optionalBytes({}, 'x')).toHaveLength(0);
    expect(optionalBytes({ x: null }, 'x')).toHaveLength(0);
    expect(optionalBytes({ x: '' }, 'x')).toHaveLength(0);
  });
});

test('A word is the one that there is, or refused', () => {
  expect(hasWord({}, 'algorithm', 'SHA_256')).toBe(false);
  expect(hasWord({ algorithm: 'SHA_256' }, 'algorithm', 'SHA_256')).toBe(true);
  expect(refusal(() => hasWord({ algorithm: 'SHA_1' }, 'algorithm', 'SHA_256'))).toBe(
    'ValidationException: algorithm is not SHA_256.',
  );
  expect(refusal(() => requireWord({}, 'algorithm', 'AES_GCM'))).toBe(
    'ValidationException: algorithm is missing.',
  );
});
