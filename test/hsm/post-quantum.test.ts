import { randomBytes } from 'node:crypto';
import { ml_kem512 } from '@noble/post-quantum/ml-kem';
import { type MaterialKind, openToken, type Token } from '../../hsm/index';
import { loadLibrary } from '../../hsm/module';
import { interface32 } from '../../hsm/post-quantum/interface';
import { parameterSets } from '../../hsm/post-quantum/parameter-sets';
import { seedPrivateKeyInfo } from '../../hsm/post-quantum/private-key';
import { decodePublicKey, encodePublicKey } from '../../hsm/post-quantum/public-key';
import { kemSpecs } from '../support/kem-keys';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

/** SoftHSM 2.6.1 has neither ML-DSA nor ML-KEM, nor anything of PKCS#11 3.x. */
describe('A token without post-quantum mechanisms', () => {
  let hsm: SoftHsm;
  let token: Token;
  beforeAll(async () => {
    hsm = await makeSoftHsm();
    token = await openToken(tokenOptions(hsm));
  });
  afterAll(async () => {
    await token.close();
    await hsm.remove();
  });

  const missing = 'C_GenerateKeyPair: CKR_MECHANISM_INVALID';

  test.each(['ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87'] as const)(
    'serves no %s keys, and names the mechanisms that it lacks',
    async (spec) => {
      await expect(token.requireKind({ spec, usage: 'SIGN_VERIFY' })).rejects.toMatchObject({
        code: 'mechanism-missing',
        message: `the token lacks CKM_ML_DSA with CKP_${spec} (${missing}); CKM_ML_DSA_EXTERNAL_MU (${missing})`,
      });
    },
  );

  test.each(kemSpecs)(
    'serves no %s keys, encapsulates to none, and names what it lacks',
    async (spec) => {
      const kind: MaterialKind = { spec, usage: 'ENCAPSULATE_DECAPSULATE' };
      const refusal = {
        code: 'mechanism-missing',
        message: `the token lacks CKM_ML_KEM with CKP_${spec} and C_DecapsulateKey (PKCS#11 3.2) (${missing})`,
      };
      await expect(token.requireKind(kind)).rejects.toMatchObject(refusal);
      const set = parameterSets[spec];
      const publicKey = encodePublicKey(set, Buffer.alloc(set.publicKeyBytes));
      await expect(token.encapsulate(kind, publicKey)).rejects.toMatchObject(refusal);
      const key = { id: randomBytes(32).toString('hex'), wrapped: undefined, kind };
      const ciphertext = Buffer.alloc(set.ciphertextBytes);
      await expect(token.decapsulate(key, ciphertext)).rejects.toMatchObject(refusal);
      await expect(token.generateDataKeyPair(spec)).rejects.toMatchObject({
        code: 'mechanism-missing',
        message: `the token lacks CKM_ML_KEM_KEY_PAIR_GEN (${missing})`,
      });
    },
  );

  test('has no functions of PKCS#11 3.2, which is said by name', () => {
    expect(() => interface32(loadLibrary(hsm.module))).toThrow(
      expect.objectContaining({
        code: 'mechanism-missing',
        message: 'C_DecapsulateKey (PKCS#11 3.2): the library has no C_GetInterface',
      }) as Error,
    );
  });
});

/** FIPS 203: what a token may wrap, by RFC 9935 §6. */
describe('The private key of a data key pair', () => {
  const { ML_KEM_512: set } = parameterSets;
  const seed = Buffer.from(Array.from({ length: 64 }, (_, at) => at));
  const publicKey = Buffer.from(ml_kem512.keygen(seed).publicKey);
  const element = (tag: number, ...parts: readonly Buffer[]): Buffer => {
    const content = Buffer.concat(parts);
    const { length } = content;
    const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
    return Buffer.concat([Buffer.from(head), content]);
  };
  const info = (key: Buffer, oid = set.oid): Buffer =>
    element(
      0x30,
      Buffer.from('020100', 'hex'),
      element(0x30, Buffer.from(oid, 'hex')),
      element(0x04, key),
    );
  const seedAlone = info(element(0x80, seed));
  const expanded = element(0x04, Buffer.alloc(1632));
  const both = info(element(0x30, element(0x04, seed), expanded));

  test.each([
    ['the seed', seedAlone],
    ['the seed and what it expands to', both],
    ['zeros at its end', Buffer.concat([both, Buffer.alloc(6)])],
  ])('is the seed alone where the token hands out %s', (_, privateKey) => {
    expect(seedPrivateKeyInfo(set, { privateKey, publicKey })).toEqual(seedAlone);
  });

  const noPkcs8 = 'C_WrapKey: the private key is no PKCS#8';
  test.each([
    ['the expanded key alone', info(expanded), 'the token lacks CKA_SEED of ML-KEM keys'],
    [
      'a seed of 63 bytes',
      info(element(0x80, seed.subarray(1))),
      'the token lacks CKA_SEED of ML-KEM keys',
    ],
    [
      'another seed',
      info(element(0x80, Buffer.alloc(64))),
      'C_WrapKey: the private key is not that of the public key',
    ],
    ['another algorithm', info(element(0x80, seed), parameterSets.ML_KEM_768.oid), noPkcs8],
    ['less than its length', seedAlone.subarray(0, -1), noPkcs8],
    ['nothing', Buffer.alloc(0), noPkcs8],
    ['a length of too many bytes', Buffer.from('3084ffffffff', 'hex'), noPkcs8],
    ['a length that is cut off', Buffer.from('3082ff', 'hex'), noPkcs8],
  ])('is refused where the token hands out %s', (_, privateKey, message) => {
    expect(() => seedPrivateKeyInfo(set, { privateKey, publicKey })).toThrow(message);
  });
});

describe('SubjectPublicKeyInfo', () => {
  test.each([
    ['ML_DSA_44', 1334, '30820532300b06096086480165030403110382052100'],
    ['ML_DSA_65', 1974, '308207b2300b0609608648016503040312038207a100'],
    ['ML_DSA_87', 2614, '30820a32300b060960864801650304031303820a2100'],
    ['ML_KEM_512', 822, '30820332300b06096086480165030404010382032100'],
    ['ML_KEM_768', 1206, '308204b2300b0609608648016503040402038204a100'],
    ['ML_KEM_1024', 1590, '30820632300b06096086480165030404030382062100'],
  ] as const)('of %s is %i bytes of DER without parameters', (spec, length, prefix) => {
    const set = parameterSets[spec];
    const raw = randomBytes(set.publicKeyBytes);
    const der = encodePublicKey(set, raw);
    expect(der).toHaveLength(length);
    expect(der.toString('hex')).toBe(prefix + raw.toString('hex'));
    expect(decodePublicKey(set, der)).toEqual(raw);
  });

  test('of another key spec, too short or too long, is refused', () => {
    const { ML_KEM_512: set, ML_KEM_768: other } = parameterSets;
    const der = encodePublicKey(set, randomBytes(set.publicKeyBytes));
    const refusal = expect.objectContaining({
      code: 'failed',
      message: 'the public key is not one of the key spec',
    }) as Error;
    expect(() => decodePublicKey(other, der)).toThrow(refusal);
    expect(() => decodePublicKey(set, der.subarray(0, -1))).toThrow(refusal);
    expect(() => decodePublicKey(set, Buffer.concat([der, Buffer.of(0)]))).toThrow(refusal);
    expect(() => decodePublicKey(set, Buffer.alloc(0))).toThrow(refusal);
  });
});
