import { hash } from 'node:crypto';
import type { Key } from '../../src/keys/key';
import type { ImportedMaterial } from '../../src/keys/material';
import {
  type Signable,
  requireSignable,
  requireSignature,
  signingRequest,
} from '../../src/keys/signing';
import { refusalOf } from '../support/refusal';
import { keyWith, materialsOf } from '../support/sample-keys';
import { Message, openSslSchemes, pairOf, signed, signedByOpenSsl } from '../support/signing-keys';

describe('What the token is asked to sign', () => {
  test.each(signedByOpenSsl)('of %s by %s is the digest, or else the message', (_, algorithm) => {
    const { hash: name } = openSslSchemes[algorithm];
    const input = name === undefined ? Message : hash(name, Message, 'buffer');
    const request = { algorithm, input, externalMu: false };
    expect(signingRequest({ Message, SigningAlgorithm: algorithm })).toEqual(request);
    expect(signingRequest({ Message, MessageType: 'RAW', SigningAlgorithm: algorithm })).toEqual(
      request,
    );
    if (name === undefined) return;
    expect(
      signingRequest({ Message: input, MessageType: 'DIGEST', SigningAlgorithm: algorithm }),
    ).toEqual(request);
  });
});

describe('What cannot be signed or verified', () => {
  const refusalWith = (key: Key, signable: Signable) =>
    refusalOf(() => {
      requireSignable(key, signable);
    });
  const sized = (length: number) => Buffer.alloc(length, 1);

  test.each([
    ['RSA_2048', 'RSASSA_PSS_SHA_256', [1, 31, 33, 48, 64]],
    ['RSA_3072', 'RSASSA_PSS_SHA_384', [32, 47, 49]],
    ['RSA_4096', 'RSASSA_PSS_SHA_512', [48, 63, 65]],
    ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_256', [20, 64, 4096]],
    ['RSA_3072', 'RSASSA_PKCS1_V1_5_SHA_384', [32, 64]],
    ['RSA_4096', 'RSASSA_PKCS1_V1_5_SHA_512', [32, 48]],
    ['ECC_NIST_P256', 'ECDSA_SHA_256', [31, 33, 48]],
    ['ECC_SECG_P256K1', 'ECDSA_SHA_256', [31, 33]],
    ['ECC_NIST_P384', 'ECDSA_SHA_384', [32, 64]],
    ['ECC_NIST_P521', 'ECDSA_SHA_512', [48, 66]],
    ['ECC_NIST_EDWARDS25519', 'ED25519_PH_SHA_512', [32, 63, 65]],
  ] as const)(
    'with %s by %s is a digest of a wrong length',
    async (keySpec, algorithm, lengths) => {
      const key = keyWith({ keySpec, keyUsage: 'SIGN_VERIFY' });
      const asked = { MessageType: 'DIGEST', SigningAlgorithm: algorithm } as const;
      for (const length of lengths) {
        expect(await refusalWith(key, { ...asked, Message: sized(length) })).toEqual({
          code: 'ValidationException',
          message: `Digest is invalid length for algorithm ${algorithm}.`,
        });
      }
    },
  );

  test.each([1, 63, 65])('is an external mu of %i bytes', async (length) => {
    const key = keyWith({ keySpec: 'ML_DSA_44', keyUsage: 'SIGN_VERIFY' });
    const asked = { MessageType: 'EXTERNAL_MU', SigningAlgorithm: 'ML_DSA_SHAKE_256' } as const;
    expect(await refusalWith(key, { ...asked, Message: sized(length) })).toEqual({
      code: 'ValidationException',
      message: 'Digest is invalid length for algorithm ML_DSA_SHAKE_256.',
    });
  });

  test.each([
    ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', 'DIGEST', 'algorithm ED25519_SHA_512'],
    ['ECC_NIST_EDWARDS25519', 'ED25519_PH_SHA_512', 'RAW', 'algorithm ED25519_PH_SHA_512'],
    ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', 'EXTERNAL_MU', 'key spec ECC_NIST_EDWARDS25519'],
    [
      'ECC_NIST_EDWARDS25519',
      'ED25519_PH_SHA_512',
      'EXTERNAL_MU',
      'key spec ECC_NIST_EDWARDS25519',
    ],
    ['ML_DSA_44', 'ML_DSA_SHAKE_256', 'DIGEST', 'key spec ML_DSA_44'],
    ['ML_DSA_87', 'ML_DSA_SHAKE_256', 'DIGEST', 'key spec ML_DSA_87'],
    ['RSA_2048', 'RSASSA_PSS_SHA_512', 'EXTERNAL_MU', 'key spec RSA_2048'],
    ['ECC_NIST_P256', 'ECDSA_SHA_256', 'EXTERNAL_MU', 'key spec ECC_NIST_P256'],
  ] as const)('with %s by %s is a message of type %s', async (...row) => {
    const [keySpec, SigningAlgorithm, MessageType, fault] = row;
    const key = keyWith({ keySpec, keyUsage: 'SIGN_VERIFY' });
    // The type is wrong whatever the length is.
    for (const Message of [sized(1), sized(32), sized(64)]) {
      expect(await refusalWith(key, { Message, MessageType, SigningAlgorithm })).toEqual({
        code: 'ValidationException',
        message: `Message type ${MessageType} is incompatible with ${fault}.`,
      });
    }
  });

  test.each([
    ['RSA_2048', 'ECDSA_SHA_256'],
    ['ECC_NIST_P256', 'ECDSA_SHA_384'],
    ['ECC_NIST_P384', 'ECDSA_SHA_256'],
    ['ECC_SECG_P256K1', 'ECDSA_SHA_512'],
    ['ECC_NIST_P521', 'SM2DSA'],
    ['ECC_NIST_P256', 'ED25519_SHA_512'],
    ['ECC_NIST_EDWARDS25519', 'ECDSA_SHA_512'],
    ['ML_DSA_65', 'ED25519_SHA_512'],
    ['RSA_4096', 'ML_DSA_SHAKE_256'],
    // What a wire would not let through.
    ['RSA_4096', 'toString'],
  ] as const)('with %s is anything by %s', async (keySpec, SigningAlgorithm) => {
    const key = keyWith({ keySpec, keyUsage: 'SIGN_VERIFY' });
    // The algorithm is wrong whatever the type is.
    for (const MessageType of ['RAW', 'DIGEST', 'EXTERNAL_MU'] as const) {
      const signable = { Message: sized(1), MessageType, SigningAlgorithm };
      expect(await refusalWith(key, signable)).toEqual({
        code: 'InvalidKeyUsageException',
        message: `Algorithm ${SigningAlgorithm} is incompatible with key spec ${keySpec}.`,
      });
    }
  });

  const signable = { Message, SigningAlgorithm: 'ECDSA_SHA_256' };
  const refusalOfVerifying = (key: Key, signature: Buffer) =>
    refusalOf(() => {
      requireSignature(key, signable, signature);
    });

  test('is everything, while the material is not there', async () => {
    const there = pairOf('ECC_NIST_P256').key;
    const signature = signed('ECC_NIST_P256', 'ECDSA_SHA_256');
    expect((await refusalOfVerifying(there, signature)).code).toBe('nothing was thrown');
    const deleted: ImportedMaterial = {
      ...({ state: 'PENDING_IMPORT', expirationModel: 'KEY_MATERIAL_EXPIRES' } as const),
      ...{ validTo: undefined, lapsesAt: Infinity },
    };
    for (const gone of [
      { ...there, currentMaterial: undefined },
      { ...there, currentMaterial: { ...there.currentMaterial!, imported: deleted } },
    ]) {
      expect(await refusalOfVerifying(gone, signature)).toEqual({
        code: 'KMSInvalidStateException',
        message: `${gone.arn} is pending import.`,
      });
    }
  });

  test('is what was imported before public keys were kept', async () => {
    const key = keyWith({
      ...{ keySpec: 'ECC_NIST_P256', keyUsage: 'SIGN_VERIFY', origin: 'EXTERNAL' },
      ...materialsOf(['a'.repeat(64)]),
    });
    expect(await refusalOfVerifying(key, Buffer.of(1))).toEqual({
      code: 'KMSInvalidStateException',
      message: `${key.arn} was imported before public keys were kept. Import the same key material again.`,
    });
  });

  test('is what has expired, from that moment on', async () => {
    const there = pairOf('ECC_NIST_P256').key;
    const signature = signed('ECC_NIST_P256', 'ECDSA_SHA_256');
    const lapsing: ImportedMaterial = {
      ...({ state: 'IMPORTED', expirationModel: 'KEY_MATERIAL_EXPIRES' } as const),
      ...{ validTo: new Date(), lapsesAt: Infinity },
    };
    const key = { ...there, currentMaterial: { ...there.currentMaterial!, imported: lapsing } };
    expect((await refusalOfVerifying(key, signature)).code).toBe('nothing was thrown');
    // The public key is known by now.
    Object.assign(lapsing, { lapsesAt: 0 });
    expect(await refusalOfVerifying(key, signature)).toEqual({
      code: 'KMSInvalidStateException',
      message: `${key.arn} is pending import.`,
    });
  });
});
