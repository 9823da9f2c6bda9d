import { algorithmsOf, chooseSpec, requireAlgorithm, requireServed } from '../../src/keys/specs';
import { shapes } from '../../src/shapes/kms.generated';
import type { KeySpec, KeyUsageType } from '../../src/shapes/kms.generated';
import { refusalOf } from '../support/refusal';

function valuesOf(shape: string): readonly string[] {
  const found = shapes[shape];
  if (found?.type !== 'string' || found.enum === undefined) throw new Error(`no enum ${shape}`);
  return found.enum;
}
const keySpecs = valuesOf('KeySpec') as readonly KeySpec[];
const usages = valuesOf('KeyUsageType') as readonly KeyUsageType[];

describe('a new key', () => {
  test('is a symmetric one for encryption when nothing else is said', () => {
    const symmetric = { keySpec: 'SYMMETRIC_DEFAULT', keyUsage: 'ENCRYPT_DECRYPT' };
    expect(chooseSpec({})).toEqual(symmetric);
    expect(chooseSpec({ CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT' })).toEqual(symmetric);
    expect(chooseSpec({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })).toEqual({
      keySpec: 'RSA_2048',
      keyUsage: 'SIGN_VERIFY',
    });
  });

  test('cannot name its spec twice, not even the same', async () => {
    const input = { KeySpec: 'RSA_2048', CustomerMasterKeySpec: 'RSA_2048' } as const;
    expect(await refusalOf(() => chooseSpec(input))).toEqual({
      code: 'ValidationException',
      message:
        'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
    });
  });

  test.each(keySpecs.filter((spec) => spec !== 'SYMMETRIC_DEFAULT'))(
    '%s needs a usage',
    async (KeySpec) => {
      expect(await refusalOf(() => chooseSpec({ KeySpec }))).toEqual({
        code: 'ValidationException',
        message:
          'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
      });
    },
  );

  test('takes the usages of its spec (kms-semantics §3.1) and refuses the others by name', async () => {
    const refused: string[] = [];
    for (const KeySpec of keySpecs) {
      for (const KeyUsage of usages) {
        const { code, message } = await refusalOf(() => chooseSpec({ KeySpec, KeyUsage }));
        if (code === 'nothing was thrown') continue;
        expect([code, message]).toEqual([
          'ValidationException',
          `KeyUsage ${KeyUsage} is not compatible with KeySpec ${KeySpec}`,
        ]);
        refused.push(`${KeySpec} ${KeyUsage}`);
      }
    }
    // 20 specs of 5 usages; 1 + 4 + 3 x 2 + 3 x 2 + 1 + 1 + 3 + 3 + 3 pairs are allowed.
    expect(refused).toHaveLength(keySpecs.length * usages.length - 28);
    expect(refused).toContain('SYMMETRIC_DEFAULT SIGN_VERIFY');
    expect(refused).toContain('ECC_SECG_P256K1 KEY_AGREEMENT');
    expect(refused).not.toContain('SM2 KEY_AGREEMENT');
  });
});

const everySpec = /./;
const ofStores = /^SYMMETRIC_DEFAULT$/;
test.each([
  ['AWS_KMS', everySpec],
  ['EXTERNAL', /^(SYMMETRIC_DEFAULT|HMAC_.*|RSA_.*|ECC_NIST_P.*|ECC_SECG_P256K1)$/],
  ['AWS_CLOUDHSM', ofStores],
  ['EXTERNAL_KEY_STORE', ofStores],
] as const)(
  'of origin %s are the specs whose material can come from there, the others are refused by name',
  async (origin, served) => {
    for (const keySpec of keySpecs) {
      const { message } = await refusalOf(() => requireServed(keySpec, origin));
      const expected =
        keySpec === 'SM2'
          ? 'KeySpec SM2 is not supported: PKCS#11 has no mechanism for it.'
          : served.test(keySpec)
            ? ''
            : `KeySpec ${keySpec} is not supported with Origin ${origin}.`;
      expect([keySpec, message]).toEqual([keySpec, expected]);
    }
  },
);

test('each usage that a spec allows has its algorithms', async () => {
  for (const KeySpec of keySpecs) {
    for (const KeyUsage of usages) {
      const allowed = await refusalOf(() => chooseSpec({ KeySpec, KeyUsage }));
      expect([KeySpec, KeyUsage, algorithmsOf(KeySpec, KeyUsage).length > 0]).toEqual([
        ...[KeySpec, KeyUsage, allowed.message === ''],
      ]);
    }
  }
});

test('an algorithm must be one of the key’s', async () => {
  const key = { keySpec: 'SYMMETRIC_DEFAULT', keyUsage: 'ENCRYPT_DECRYPT' } as const;
  requireAlgorithm(key, 'SYMMETRIC_DEFAULT', 'EncryptionAlgorithm');
  expect(
    await refusalOf(() => requireAlgorithm(key, 'RSAES_OAEP_SHA_256', 'EncryptionAlgorithm')),
  ).toEqual({
    code: 'InvalidKeyUsageException',
    message: 'Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.',
  });

  const rsa = { keySpec: 'RSA_2048', keyUsage: 'ENCRYPT_DECRYPT' } as const;
  expect(
    await refusalOf(() => requireAlgorithm(rsa, 'SYMMETRIC_DEFAULT', 'EncryptionAlgorithm')),
  ).toEqual({
    code: 'InvalidKeyUsageException',
    message: 'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
  });
  requireAlgorithm(rsa, 'RSAES_OAEP_SHA_256', 'EncryptionAlgorithm');
});
