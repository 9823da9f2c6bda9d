import { createHash } from 'node:crypto';
import type { XksCaller } from '../support/xks-client';
import {
  type Plain,
  type Sealed,
  about,
  decryptBody,
  encryptBody,
  invalid,
  invalidCiphertext,
  refused,
  sealedMembers,
  sealedOf,
  succeeded,
  unsupported,
} from '../support/xks-requests';
import { type XksTarget, makeKey, makeStore, openXksTarget } from '../support/xks-target';

/** Encrypt and Decrypt of the XKS proxy API over TLS (xks-proxy §1.5 to §1.8), and what AWS's own client leaves out. */
let target: XksTarget;
let kms: XksCaller;

beforeAll(async () => {
  target = await openXksTarget();
  kms = await makeStore(target, 'crypto');
  await makeKey(target, kms, 'one');
  await makeKey(target, kms, 'two');
});
afterAll(async () => {
  kms.close();
  await target.remove();
});

const plaintext = Buffer.from('a key of AWS KMS, sealed by it');
const aad = Buffer.from('project=nile,department=marketing');

const encrypt = (plain: Plain, key = 'one') => kms.call(`keys/${key}/encrypt`, encryptBody(plain));
const decrypt = (sealed: Sealed, given?: Buffer, key = 'one') =>
  kms.call(`keys/${key}/decrypt`, decryptBody(sealed, given));

describe('Encrypt', () => {
  test('answers with ciphertext, IV, tag and metadata of the sizes that the API has', async () => {
    const reply = await encrypt({ plaintext, aad });
    expect(Object.keys(succeeded(reply)).sort()).toEqual([...sealedMembers].sort());
    const sealed = sealedOf(reply);
    expect(sealed.ciphertext).toHaveLength(plaintext.length);
    expect(sealed.initializationVector).toHaveLength(12);
    expect(sealed.authenticationTag).toHaveLength(16);
    expect(sealed.ciphertextMetadata).toHaveLength(17);
    expect(sealed.ciphertextMetadata[0]).toBe(1);
  });

  test('never uses an IV twice, and never makes the same ciphertext', async () => {
    const all = await Promise.all(Array.from({ length: 32 }, () => encrypt({ plaintext })));
    const sealed = all.map(sealedOf);
    const distinct = (name: keyof Sealed): number =>
      new Set(sealed.map((one) => one[name].toString('hex'))).size;
    expect(distinct('initializationVector')).toBe(32);
    expect(distinct('ciphertext')).toBe(32);
    expect(distinct('ciphertextMetadata')).toBe(1);
  });

  test.each([
    ['with AAD', aad],
    ['without AAD', undefined],
  ])('gives an integrity value when it is asked for one, %s', async (_how, given) => {
    const reply = await encrypt({ plaintext, aad: given, checked: true });
    const { ciphertext, initializationVector, authenticationTag, ciphertextMetadata } =
      sealedOf(reply);
    const digest = createHash('sha256');
    for (const part of [given ?? '', ciphertextMetadata, initializationVector, ciphertext]) {
      digest.update(part);
    }
    expect(succeeded(reply)['ciphertextDataIntegrityValue']).toBe(
      digest.update(authenticationTag).digest('base64'),
    );
    const opened = await decrypt(sealedOf(reply), given);
    expect(succeeded(opened)).toEqual({ plaintext: plaintext.toString('base64') });
  });

  test('has no integrity value when it is not asked for', async () => {
    const members = succeeded(await encrypt({ plaintext }));
    expect(members).not.toHaveProperty('ciphertextDataIntegrityValue');
  });
});

describe('Sizes', () => {
  test.each([
    ['1 byte', 1, 0],
    ['the largest plaintext', 4300, 0],
    ['the largest AAD', 16, 8192],
    ['the largest of both', 4300, 8192],
  ])('%s is encrypted and decrypted', async (_what, bytes, aadBytes) => {
    const plain = { plaintext: Buffer.alloc(bytes, 7), aad: Buffer.alloc(aadBytes, 9) };
    const sealed = sealedOf(await encrypt({ ...plain, checked: true }));
    expect(sealed.ciphertext).toHaveLength(bytes);
    const opened = succeeded(await decrypt(sealed, plain.aad));
    expect(opened).toEqual({ plaintext: plain.plaintext.toString('base64') });
  });

  test('A plaintext of more bytes is not supported', async () => {
    expect(refused(await encrypt({ plaintext: Buffer.alloc(4301) }))).toEqual(
      unsupported('plaintext has 4301 bytes; 4300 are supported.'),
    );
  });

  test('AAD of more bytes are not supported, of Encrypt and of Decrypt', async () => {
    const refusal = unsupported('additionalAuthenticatedData has 8193 bytes; 8192 are supported.');
    expect(refused(await encrypt({ plaintext, aad: Buffer.alloc(8193) }))).toEqual(refusal);
    const sealed = sealedOf(await encrypt({ plaintext }));
    expect(refused(await decrypt(sealed, Buffer.alloc(8193)))).toEqual(refusal);
  });

  test('A ciphertext of more bytes is not supported', async () => {
    const sealed = sealedOf(await encrypt({ plaintext }));
    expect(refused(await decrypt({ ...sealed, ciphertext: Buffer.alloc(4301) }))).toEqual(
      unsupported('ciphertext has 4301 bytes; 4300 are supported.'),
    );
  });

  test('A body beyond what any request needs is not supported', async () => {
    const reply = await encrypt({ plaintext: Buffer.alloc(60_000) });
    expect(refused(reply)).toEqual(
      unsupported('The body of the request has more than 65536 bytes.'),
    );
  });

  test('An empty plaintext and an empty ciphertext are invalid', async () => {
    expect(refused(await encrypt({ plaintext: Buffer.alloc(0) }))).toEqual(
      invalid('plaintext is empty.'),
    );
    const sealed = sealedOf(await encrypt({ plaintext }));
    expect(refused(await decrypt({ ...sealed, ciphertext: Buffer.alloc(0) }))).toEqual(
      invalid('ciphertext is empty.'),
    );
  });
});

describe('A ciphertext that is not what Encrypt gave', () => {
  let sealed: Sealed;
  beforeAll(async () => {
    sealed = sealedOf(await encrypt({ plaintext, aad }));
  });

  test.each(sealedMembers)('is found out by any byte of %s', async (name) => {
    const replies = await Promise.all(
      [...sealed[name].keys()].map((at) => {
        const changed = Buffer.from(sealed[name]);
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        return decrypt({ ...sealed, [name]: changed }, aad);
      }),
    );
    for (const reply of replies) expect(refused(reply)).toEqual(invalidCiphertext);
    expect(succeeded(await decrypt(sealed, aad))).toHaveProperty('plaintext');
  });

  test('is found out by its AAD: others, none, or some of them', async () => {
    const others = [Buffer.from('others'), undefined, aad.subarray(1), aad.subarray(0, -1)];
    for (const other of others) {
      expect(refused(await decrypt(sealed, other))).toEqual(invalidCiphertext);
    }
    const more = Buffer.concat([aad, Buffer.alloc(1)]);
    expect(refused(await decrypt(sealed, more))).toEqual(invalidCiphertext);
  });

  test('is found out when bytes move between AAD and metadata', async () => {
    const { ciphertextMetadata } = sealed;
    const moved = { ...sealed, ciphertextMetadata: ciphertextMetadata.subarray(1) };
    const longer = Buffer.concat([aad, ciphertextMetadata.subarray(0, 1)]);
    expect(refused(await decrypt(moved, longer))).toEqual(invalidCiphertext);
    const back = {
      ...sealed,
      ciphertextMetadata: Buffer.concat([aad.subarray(-1), ciphertextMetadata]),
    };
    expect(refused(await decrypt(back, aad.subarray(0, -1)))).toEqual(invalidCiphertext);
    const swapped = { ...sealed, ciphertextMetadata: aad.subarray(0, 20) };
    expect(refused(await decrypt(swapped, ciphertextMetadata))).toEqual(invalidCiphertext);
  });

  test('is found out without its metadata', async () => {
    const body = decryptBody(sealed, aad, { ciphertextMetadata: undefined });
    const reply = await kms.call('keys/one/decrypt', body);
    expect(refused(reply)).toEqual(invalidCiphertext);
  });

  test('is found out when it is shorter or longer', async () => {
    for (const ciphertext of [
      sealed.ciphertext.subarray(1),
      sealed.ciphertext.subarray(0, -1),
      Buffer.concat([sealed.ciphertext, sealed.authenticationTag]),
    ]) {
      expect(refused(await decrypt({ ...sealed, ciphertext }, aad))).toEqual(invalidCiphertext);
    }
  });

  test('is found out with parts of another, and by another key', async () => {
    const other = sealedOf(await encrypt({ plaintext, aad }));
    for (const name of ['ciphertext', 'initializationVector', 'authenticationTag'] as const) {
      const mixed = { ...sealed, [name]: other[name] };
      expect(refused(await decrypt(mixed, aad))).toEqual(invalidCiphertext);
    }
    expect(refused(await decrypt(sealed, aad, 'two'))).toEqual(invalidCiphertext);
  });

  test('is found out by an IV of 16 bytes, which we make none of', async () => {
    const initializationVector = Buffer.concat([sealed.initializationVector, Buffer.alloc(4)]);
    expect(refused(await decrypt({ ...sealed, initializationVector }, aad))).toEqual(
      invalidCiphertext,
    );
  });

  test.each([
    ['an IV of 11 bytes', 'initializationVector', 11, 'has 11 bytes and not 12 or 16.'],
    ['an IV of 13 bytes', 'initializationVector', 13, 'has 13 bytes and not 12 or 16.'],
    ['an empty IV', 'initializationVector', 0, 'has 0 bytes and not 12 or 16.'],
    ['a tag of 12 bytes', 'authenticationTag', 12, 'has 12 bytes and not 16.'],
    ['a tag of 17 bytes', 'authenticationTag', 17, 'has 17 bytes and not 16.'],
    ['an empty tag', 'authenticationTag', 0, 'has 0 bytes and not 16.'],
    ['metadata of 21 bytes', 'ciphertextMetadata', 21, 'has more than 20 bytes.'],
  ])('is invalid with %s', async (_what, name, bytes, why) => {
    const reply = await decrypt({ ...sealed, [name]: Buffer.alloc(bytes, 1) }, aad);
    expect(refused(reply)).toEqual(invalid(`${name} ${why}`));
  });
});

describe('A request', () => {
  test('may have members that nobody knows, everywhere', async () => {
    const more = { requestMetadata: about('Encrypt', { nitro: { pcr0: 'x' } }), newMember: [1] };
    const reply = await kms.call('keys/one/encrypt', encryptBody({ plaintext }, more));
    expect(succeeded(reply)).toHaveProperty('ciphertext');
  });

  test.each([
    ['an operation that nobody knows', about('TotallyNewOperation')],
    ['a request id of any form', about('Encrypt', { kmsRequestId: 'ünïcode \u0000 "quoted"\n' })],
    ['an empty request id', about('Encrypt', { kmsRequestId: '' })],
    [
      'ARNs of 2048 characters',
      about('Encrypt', { awsPrincipalArn: 'a'.repeat(2048), kmsKeyArn: 'k'.repeat(2048) }),
    ],
    ['a service as its principal', about('Encrypt', { awsPrincipalArn: 'ec2.amazonaws.com' })],
    ['AWS itself as its principal', about('Encrypt', { awsPrincipalArn: 'AWS Internal' })],
    [
      'VPC, endpoint and service',
      about('Encrypt', { awsSourceVpc: 'vpc-1', awsSourceVpce: 'vpce-2', kmsViaService: 'ebs' }),
    ],
  ])('may have %s', async (_what, requestMetadata) => {
    const body = encryptBody({ plaintext }, { requestMetadata });
    expect(succeeded(await kms.call('keys/one/encrypt', body))).toHaveProperty('ciphertext');
  });

  test.each([
    [
      'no requestMetadata',
      { requestMetadata: undefined },
      'requestMetadata is missing, or not an object.',
    ],
    ['empty requestMetadata', { requestMetadata: {} }, 'kmsRequestId is missing.'],
    [
      'no principal',
      { requestMetadata: about('x', { awsPrincipalArn: undefined }) },
      'awsPrincipalArn is missing.',
    ],
    [
      'no KMS key',
      { requestMetadata: about('x', { kmsKeyArn: undefined }) },
      'kmsKeyArn is missing.',
    ],
    [
      'no operation',
      { requestMetadata: about('x', { kmsOperation: undefined }) },
      'kmsOperation is missing.',
    ],
    [
      'no request id',
      { requestMetadata: about('x', { kmsRequestId: undefined }) },
      'kmsRequestId is missing.',
    ],
    ['no plaintext', { plaintext: undefined }, 'plaintext is missing.'],
    ['a plaintext that is a number', { plaintext: 5 }, 'plaintext is not a string.'],
    ['a plaintext of the URL alphabet', { plaintext: '_-8=' }, 'plaintext is not base64.'],
    [
      'AAD that are not base64',
      { additionalAuthenticatedData: 'x' },
      'additionalAuthenticatedData is not base64.',
    ],
    ['no algorithm', { encryptionAlgorithm: undefined }, 'encryptionAlgorithm is missing.'],
    [
      'another algorithm',
      { encryptionAlgorithm: 'AES_CBC' },
      'encryptionAlgorithm is not AES_GCM.',
    ],
    [
      'another hash',
      { ciphertextDataIntegrityValueAlgorithm: 'SHA_512' },
      'ciphertextDataIntegrityValueAlgorithm is not SHA_256.',
    ],
  ])('of Encrypt with %s is invalid', async (_what, more, message) => {
    const reply = await kms.call('keys/one/encrypt', encryptBody({ plaintext }, more));
    expect(refused(reply)).toEqual(invalid(message));
  });

  test.each([...sealedMembers.slice(0, 3), 'encryptionAlgorithm'])(
    'of Decrypt without %s is invalid',
    async (name) => {
      const sealed = sealedOf(await encrypt({ plaintext }));
      const body = decryptBody(sealed, undefined, { [name]: undefined });
      const reply = await kms.call('keys/one/decrypt', body);
      expect(refused(reply)).toEqual(invalid(`${name} is missing.`));
    },
  );

  test.each([
    ['not JSON', '{"requestMetadata":'],
    ['a list', '[]'],
    ['empty', ''],
  ])('that is %s is invalid', async (_what, body) => {
    for (const tail of ['health', 'keys/one/metadata', 'keys/one/encrypt', 'keys/one/decrypt']) {
      expect(refused(await kms.call(tail, body))).toEqual(
        invalid('The body of the request is not a JSON object.'),
      );
    }
  });
});
