import type { Token } from '../../hsm';
import { type VectorKeys, openVectorKeys } from '../support/vector-keys';
import { judge, readVectors, type Vector, type Verdict } from '../support/vectors';

let keys: VectorKeys;
let token: Token;
beforeAll(async () => {
  keys = await openVectorKeys();
  token = keys.token;
});
afterAll(() => keys.close());

/** AWS KMS has no truncation: a tag shorter than the hash is refused, even if it begins as the whole one does. */
function expected(vector: Vector): 'accepted' | 'refused' {
  const whole = vector.number('tagSize') === vector.number('keySize');
  return vector.result === 'valid' && whole ? 'accepted' : 'refused';
}

test.each([
  ['HMAC_224', 'hmac_sha224_test.json', 105],
  ['HMAC_256', 'hmac_sha256_test.json', 106],
  ['HMAC_384', 'hmac_sha384_test.json', 106],
  ['HMAC_512', 'hmac_sha512_test.json', 106],
] as const)('a MAC of an imported %s key is the one of Wycheproof', async (spec, file, count) => {
  // GenerateMac takes 1 byte or more.
  const vectors = readVectors(`wycheproof/${file}`).filter(
    (vector) => vector.bytes('msg').length > 0,
  );
  const verdict = async (vector: Vector): Promise<Verdict> => {
    const kind = { spec, usage: 'GENERATE_VERIFY_MAC' } as const;
    const key = await keys.bring(kind, vector.text('key'), () => vector.bytes('key'));
    const mac = await token.mac(key, vector.bytes('msg'));
    return mac.equals(vector.bytes('tag')) ? 'accepted' : 'refused';
  };
  const { wrong, accepted, refused } = await judge(vectors, expected, verdict);
  expect(wrong).toEqual([]);
  expect(accepted).toBeGreaterThan(20);
  expect(accepted + refused).toBe(count);
});
