import { generateKeyPairSync } from 'node:crypto';
import { HsmError, type MaterialKey, type Token } from '../../hsm';
import { type KmsError } from '../../src/errors';
import { peerPoint } from '../../src/keys/peer-point';
import { ecField, ecPkcs8, type VectorCurve, vectorCurves } from '../support/ec-vectors';
import { type VectorKeys, openVectorKeys } from '../support/vector-keys';
import { judge, readVectors, type Vector, type Verdict } from '../support/vectors';

let keys: VectorKeys;
let token: Token;
beforeAll(async () => {
  keys = await openVectorKeys();
  token = keys.token;
});
afterAll(() => keys.close());

function curveOf(vector: Vector): VectorCurve {
  return vectorCurves[vector.text('curve')]!;
}

function bring(scalar: Buffer, curve: VectorCurve): Promise<MaterialKey> {
  const kind = { spec: curve.spec, usage: 'KEY_AGREEMENT' } as const;
  return keys.bring(kind, scalar.toString('hex'), () => ecPkcs8(scalar, curve));
}

/** As DeriveSharedSecret does it: what it refuses, it refuses without asking the token. */
async function agree(vector: Vector, publicKey: Buffer, known?: MaterialKey): Promise<Verdict> {
  const curve = curveOf(vector);
  let point: Buffer;
  try {
    point = peerPoint(curve.spec, publicKey);
  } catch (error) {
    const { code, message } = error as KmsError;
    return code === 'ValidationException' && message === '' ? 'refused' : String(error);
  }
  const key = known ?? (await bring(ecField(vector.bytes('private'), curve), curve));
  const shared = await token.agree(key, point);
  return shared.equals(ecField(vector.bytes('shared'), curve)) ? 'accepted' : 'another secret';
}

/**
 * Of what Wycheproof leaves to the implementation: a compressed point is accepted, for RFC 5480 §2.2 allows it and it denotes
 * one point alone; every other way to write a public key than DER with a named curve is refused.
 */
function expectedOfWycheproof({ result, comment }: Vector): 'accepted' | 'refused' {
  if (result === 'acceptable') {
    return comment === 'compressed public key' ? 'accepted' : 'refused';
  }
  return result === 'valid' ? 'accepted' : 'refused';
}

test.each([
  ['P-256', 'ecdh_secp256r1_test.json', { accepted: 331, refused: 281 }],
  ['P-384', 'ecdh_secp384r1_test.json', { accepted: 772, refused: 275 }],
  ['P-521', 'ecdh_secp521r1_test.json', { accepted: 633, refused: 283 }],
])('ECDH on %s does as Wycheproof says', async (_curve, file, counts) => {
  const vectors = readVectors(`wycheproof/${file}`);
  const outcome = await judge(vectors, expectedOfWycheproof, (vector) =>
    agree(vector, vector.bytes('public')),
  );
  expect(outcome).toEqual({ wrong: [], ...counts });
});

const heads: Readonly<Record<string, string>> = {
  secp256r1: '3059301306072a8648ce3d020106082a8648ce3d03010703420004',
  secp384r1: '3076301006072a8648ce3d020106052b8104002203620004',
  secp521r1: '30819b301006072a8648ce3d020106052b810400230381860004',
};

function spki(vector: Vector, x: string, y: string): Buffer {
  const { bytes } = curveOf(vector);
  const coordinates = [x, y].map((one) => ecField(vector.bytes(one), { bytes }));
  return Buffer.concat([Buffer.from(heads[vector.text('curve')]!, 'hex'), ...coordinates]);
}

/** The private key with the public half that NIST says is its own, whether it is or not. */
function pairOf(vector: Vector): Buffer {
  const { node, bytes } = curveOf(vector);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: node });
  const pair = privateKey.export({ format: 'der', type: 'pkcs8' });
  const scalar = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
  ecField(vector.bytes('private'), { bytes }).copy(pair, pair.indexOf(scalar));
  spki(vector, 'ownX', 'ownY')
    .subarray(-2 * bytes)
    .copy(pair, pair.length - 2 * bytes);
  return pair;
}

async function agreeAsNist(vector: Vector): Promise<Verdict> {
  let key: MaterialKey;
  try {
    const { spec } = curveOf(vector);
    const kind = { spec, usage: 'KEY_AGREEMENT' } as const;
    key = await keys.bring(kind, `${vector.file} ${vector.tcId}`, () => pairOf(vector));
  } catch (error) {
    return error instanceof HsmError && error.code === 'import-material-wrong'
      ? 'refused'
      : String(error);
  }
  const verdict = await agree(vector, spki(vector, 'x', 'y'), key);
  // Another private key, or another Z: both parties notice that their secrets differ. Of a private key that has another public
  // half than the one that comes along, the latter is not believed: the token makes it anew.
  return verdict === 'another secret' && /^[78] /.test(vector.comment) ? 'refused' : verdict;
}

test("ECDH does as NIST's validity tests say, with both parties' keys checked", async () => {
  const vectors = readVectors('nist/ecdh_kas_static_unified.json');
  const outcome = await judge(
    vectors,
    ({ result }) => (result === 'valid' ? 'accepted' : 'refused'),
    agreeAsNist,
  );
  expect(outcome).toEqual({ wrong: [], accepted: 54, refused: 36 });
});
