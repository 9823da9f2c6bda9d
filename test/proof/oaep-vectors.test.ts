import { HsmError, type MaterialKey, type MaterialSpec, type Token } from '../../hsm';
import { type VectorKeys, openVectorKeys } from '../support/vector-keys';
import { judge, readVectors, type Vector, type Verdict } from '../support/vectors';

let keys: VectorKeys;
let token: Token;
beforeAll(async () => {
  keys = await openVectorKeys();
  token = keys.token;
});
afterAll(() => keys.close());

const algorithms = {
  'SHA-1': 'RSAES_OAEP_SHA_1',
  'SHA-256': 'RSAES_OAEP_SHA_256',
} as const;

function bring(vector: Vector): Promise<MaterialKey> {
  const spec = `RSA_${vector.number('keySize')}` as MaterialSpec;
  const kind = { spec, usage: 'ENCRYPT_DECRYPT' } as const;
  return keys.bring(kind, vector.text('privateKeyPkcs8'), () => vector.bytes('privateKeyPkcs8'));
}

/** AWS KMS has no label, and one hash for both parts. */
function expected(vector: Vector): 'accepted' | 'refused' {
  const plain = vector.text('sha') === vector.text('mgfSha') && vector.bytes('label').length === 0;
  return vector.result === 'valid' && plain ? 'accepted' : 'refused';
}

async function decrypt(vector: Vector): Promise<Verdict> {
  const key = await bring(vector);
  const algorithm = algorithms[vector.text('sha') as keyof typeof algorithms];
  try {
    const plaintext = await token.decryptOaep(key, algorithm, vector.bytes('ct'));
    return plaintext.equals(vector.bytes('msg')) ? 'accepted' : 'another plaintext';
  } catch (error) {
    // One error for every reason.
    return error instanceof HsmError && error.code === 'ciphertext-invalid'
      ? 'refused'
      : String(error);
  }
}

test.each([
  ['2048 bits and SHA-1', 'rsa_oaep_2048_sha1_mgf1sha1_test.json', 36],
  ['2048 bits and SHA-256', 'rsa_oaep_2048_sha256_mgf1sha256_test.json', 37],
  ['2048 bits, and SHA-1 in MGF1 alone', 'rsa_oaep_2048_sha256_mgf1sha1_test.json', 31],
  ['3072 bits and SHA-256', 'rsa_oaep_3072_sha256_mgf1sha256_test.json', 37],
  ['4096 bits and SHA-256', 'rsa_oaep_4096_sha256_mgf1sha256_test.json', 37],
  ['all sizes and both hashes', 'rsa_oaep_misc_test.json', 18],
])('RSA-OAEP with imported keys of %s does as Wycheproof says', async (_of, file, count) => {
  const { wrong, accepted, refused } = await judge(
    readVectors(`wycheproof/${file}`),
    expected,
    decrypt,
  );
  expect(wrong).toEqual([]);
  expect(accepted + refused).toBe(count);
});

test('what is refused of RSA-OAEP is refused with one error and one message', async () => {
  const messages = new Set<string>();
  for (const vector of readVectors('wycheproof/rsa_oaep_2048_sha256_mgf1sha256_test.json')) {
    if (expected(vector) === 'accepted') continue;
    const key = await bring(vector);
    const refusal = await Promise.resolve()
      .then(() => token.decryptOaep(key, 'RSAES_OAEP_SHA_256', vector.bytes('ct')))
      .then(() => 'no refusal', String);
    messages.add(refusal);
  }
  expect([...messages]).toHaveLength(1);
});
