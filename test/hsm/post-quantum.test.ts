import { randomBytes } from 'node:crypto';
import { type MaterialKind, openToken, type Token } from '../../hsm/index';
import { loadLibrary } from '../../hsm/module';
import { interface32 } from '../../hsm/post-quantum/interface';
import { parameterSets } from '../../hsm/post-quantum/parameter-sets';
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
    'serves no $spec keys, encapsulates to none, and names what it lacks',
    async ({ spec }) => {
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
