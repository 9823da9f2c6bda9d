import { openToken, type MaterialKey, type Token } from '../../hsm';
import { type Importer, openImporter } from '../support/importer';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';
import { judge, readVectors, type Vector, type Verdict } from '../support/vectors';

let hsm: SoftHsm;
let token: Token;
let importer: Importer;
const brought = new Map<string, Promise<MaterialKey>>();

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm));
  importer = await openImporter(token, 'wrapped');
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

function bring(spec: MaterialKey['kind']['spec'], vector: Vector): Promise<MaterialKey> {
  const name = vector.text('key');
  const bringing =
    brought.get(name) ??
    importer.bring({ spec, usage: 'GENERATE_VERIFY_MAC' }, vector.bytes('key'));
  brought.set(name, bringing);
  return bringing;
}

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
    const mac = await token.mac(await bring(spec, vector), vector.bytes('msg'));
    return mac.equals(vector.bytes('tag')) ? 'accepted' : 'refused';
  };
  const { wrong, accepted, refused } = await judge(vectors, expected, verdict);
  expect(wrong).toEqual([]);
  expect(accepted).toBeGreaterThan(20);
  expect(accepted + refused).toBe(count);
});
