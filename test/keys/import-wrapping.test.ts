import { chooseWrapping, requireWrappable } from '../../src/keys/import-wrapping';
import type { AlgorithmSpec, KeySpec, WrappingKeySpec } from '../../src/shapes/kms.generated';
import { refusalOf } from '../support/refusal';

const unsupported = (message: string) => ({ code: 'UnsupportedOperationException', message });

const algorithms = [
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'RSA_AES_KEY_WRAP_SHA_1',
  'RSA_AES_KEY_WRAP_SHA_256',
] as const;
const wrappingSpecs = ['RSA_2048', 'RSA_3072', 'RSA_4096'] as const;

async function refusedFor(keySpec: KeySpec): Promise<string[]> {
  const refused: string[] = [];
  for (const WrappingAlgorithm of algorithms) {
    for (const WrappingKeySpec of wrappingSpecs) {
      const wrapping = chooseWrapping({ WrappingAlgorithm, WrappingKeySpec });
      const refusal = await refusalOf(() => requireWrappable({ keySpec }, wrapping));
      if (refusal.code === 'nothing was thrown') continue;
      expect(refusal).toEqual(
        unsupported(
          `Algorithm ${WrappingAlgorithm} and wrapping key spec ${WrappingKeySpec} cannot wrap key material of key spec ${keySpec}.`,
        ),
      );
      refused.push(`${WrappingAlgorithm} ${WrappingKeySpec}`);
    }
  }
  return refused;
}

test.each(['SYMMETRIC_DEFAULT', 'HMAC_512', 'ECC_NIST_P384', 'ECC_SECG_P256K1'] as const)(
  'material of %s fits into everything',
  async (keySpec) => expect(await refusedFor(keySpec)).toEqual([]),
);

test('that of ECC_NIST_P521 does not fit into OAEP with the shortest key', async () => {
  expect(await refusedFor('ECC_NIST_P521')).toEqual([
    'RSAES_OAEP_SHA_1 RSA_2048',
    'RSAES_OAEP_SHA_256 RSA_2048',
  ]);
});

test.each(['RSA_2048', 'RSA_3072', 'RSA_4096'] as const)(
  'that of %s does not fit into OAEP at all',
  async (keySpec) => {
    const oaep = algorithms.slice(0, 2);
    expect(await refusedFor(keySpec)).toEqual(
      oaep.flatMap((algorithm) => wrappingSpecs.map((spec) => `${algorithm} ${spec}`)),
    );
  },
);

test.each([
  ['RSAES_PKCS1_V1_5', 'RSA_2048', 'WrappingAlgorithm RSAES_PKCS1_V1_5 is not supported.'],
  ['SM2PKE', 'SM2', 'WrappingAlgorithm SM2PKE is not supported.'],
  ['RSAES_OAEP_SHA_256', 'SM2', 'WrappingKeySpec SM2 is not supported.'],
] satisfies [AlgorithmSpec, WrappingKeySpec, string][])(
  '%s with a key of %s is refused by name',
  async (WrappingAlgorithm, WrappingKeySpec, message) => {
    const input = { WrappingAlgorithm, WrappingKeySpec };
    expect(await refusalOf(() => chooseWrapping(input))).toEqual(unsupported(message));
  },
);
