import { constants, publicEncrypt, randomBytes } from 'node:crypto';
import { openToken, type RsaEncryptionAlgorithm, type Token } from '../../hsm/index';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';
import { kinds, makeKey, required, type UsedKey } from '../support/used-keys';

let hsm: SoftHsm;
let token: Token;
let key: UsedKey;

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm));
  key = await makeKey(token, kinds.rsaDecryption);
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

const hashes = { RSAES_OAEP_SHA_1: 'sha1', RSAES_OAEP_SHA_256: 'sha256' } as const;
const hashBytes = { RSAES_OAEP_SHA_1: 20, RSAES_OAEP_SHA_256: 32 } as const;
const algorithms = Object.keys(hashes) as RsaEncryptionAlgorithm[];

function encrypted(algorithm: RsaEncryptionAlgorithm, message: Buffer): Buffer {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const oaepHash = hashes[algorithm];
  return publicEncrypt({ key: required(key.publicKey), padding, oaepHash }, message);
}

/** RSA without padding: what the token decrypts to `block`. */
function raw(block: Buffer): Buffer {
  const padding = constants.RSA_NO_PADDING;
  return publicEncrypt({ key: required(key.publicKey), padding }, block);
}

const decrypted = (algorithm: RsaEncryptionAlgorithm, ciphertext: Buffer): Promise<Buffer> =>
  (async () => token.decryptOaep(key, algorithm, ciphertext))();

const modulus = (): Buffer => {
  const { n = '' } = required(key.publicKey).export({ format: 'jwk' });
  return Buffer.from(n, 'base64url');
};

const filled = (first: number): Buffer => {
  const block = Buffer.alloc(256, 0x5a);
  block[0] = first;
  return block;
};

describe.each(algorithms)('%s', (algorithm) => {
  const longest = 256 - 2 * hashBytes[algorithm] - 2;

  test.each([0, 1, 32, longest])('decrypts %d bytes', async (length) => {
    const message = randomBytes(length);
    expect(await decrypted(algorithm, encrypted(algorithm, message))).toEqual(message);
  });

  /** What whoever does not have the key may send, by name. */
  const wrong: ReadonlyArray<readonly [string, () => Buffer]> = [
    ['nothing', () => Buffer.alloc(0)],
    ['a byte less', () => encrypted(algorithm, Buffer.of(1)).subarray(1)],
    ['a byte more', () => Buffer.concat([encrypted(algorithm, Buffer.of(1)), Buffer.of(0)])],
    ['zero', () => Buffer.alloc(256)],
    ['one', () => Buffer.concat([Buffer.alloc(255), Buffer.of(1)])],
    ['the modulus', modulus],
    ['more than the modulus', () => Buffer.alloc(256, 0xff)],
    ['a block that does not begin with zero', () => raw(filled(1))],
    ['a block whose label is another', () => raw(filled(0))],
    [
      'the other hash',
      () => encrypted(algorithms.find((one) => one !== algorithm) ?? algorithm, Buffer.of(1)),
    ],
    [
      'another label',
      () => {
        const padding = constants.RSA_PKCS1_OAEP_PADDING;
        const how = { padding, oaepHash: hashes[algorithm], oaepLabel: Buffer.from('x') };
        return publicEncrypt({ key: required(key.publicKey), ...how }, Buffer.of(1));
      },
    ],
    [
      'PKCS#1 v1.5',
      () => {
        const padding = constants.RSA_PKCS1_PADDING;
        return publicEncrypt({ key: required(key.publicKey), padding }, Buffer.of(1));
      },
    ],
    [
      'a flipped bit',
      () => {
        const ciphertext = encrypted(algorithm, Buffer.of(1));
        ciphertext[200] = (ciphertext[200] ?? 0) ^ 1;
        return ciphertext;
      },
    ],
  ];

  test.each(wrong)('answers %s with the one error', async (_name, make) => {
    await expect(decrypted(algorithm, make())).rejects.toMatchObject({
      name: 'HsmError',
      code: 'ciphertext-invalid',
      message: 'C_Decrypt: the ciphertext does not decrypt',
    });
    // No operation is left active in whatever session that was.
    const message = randomBytes(16);
    expect(await decrypted(algorithm, encrypted(algorithm, message))).toEqual(message);
    expect(token.status().state).toBe('ready');
  });

  test('what is wrong at once with what is right changes nothing of that', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, async (_, at) => {
        const [, make] = required(wrong[at % wrong.length]);
        if (at % 2 === 0) return decrypted(algorithm, encrypted(algorithm, Buffer.of(at)));
        return decrypted(algorithm, make());
      }),
    );
    for (const [at, result] of results.entries()) {
      if (at % 2 === 0) {
        expect(result).toEqual({ status: 'fulfilled', value: Buffer.of(at) });
      } else {
        expect(result).toMatchObject({ reason: { code: 'ciphertext-invalid' } });
      }
    }
  });

  test('is not believed of a token that is away', async () => {
    await decrypted(algorithm, encrypted(algorithm, Buffer.of(1)));
    await hsm.moveAway();
    await expect(decrypted(algorithm, Buffer.alloc(256, 0xff))).rejects.toMatchObject({
      code: 'token-unavailable',
    });
    await hsm.restore();
    await token.recover();
    expect(await decrypted(algorithm, encrypted(algorithm, Buffer.of(1)))).toEqual(Buffer.of(1));
  });
});

test('a block with leading zeros decrypts in whatever length the token gives it back', async () => {
  // Every block begins with one zero, and one in 256 with another.
  const message = Buffer.from('x');
  for (let round = 0; round < 300; round += 1) {
    const ciphertext = encrypted('RSAES_OAEP_SHA_256', message);
    expect(await decrypted('RSAES_OAEP_SHA_256', ciphertext)).toEqual(message);
  }
});
