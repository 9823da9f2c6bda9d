import { ECDH, createPublicKey, generateKeyPairSync, hash, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { KmsError } from '../../src/errors';
import type { Key } from '../../src/keys/key';
import { requireSignable, requireSignature, type Signable } from '../../src/keys/signing';
import { ed25519phMessage } from '../../src/keys/verifiers';
import type { KeySpec, MessageType } from '../../src/shapes/kms.generated';
import { keyWith, materialsOf } from '../support/sample-keys';
import { judge, readVectors, type Vector, type Verdict } from '../support/vectors';

/** As Verify does it, with the public half that a key has. */
function verify(
  key: Key,
  { signature, ...signable }: Signable & { readonly signature: Buffer },
): Verdict {
  try {
    requireSignable(key, signable);
    requireSignature(key, signable, signature);
    return 'accepted';
  } catch (error) {
    // One error for every reason.
    const { code, message } = error as KmsError;
    return code === 'KMSInvalidSignatureException' && message === '' ? 'refused' : String(error);
  }
}

/** One key for all vectors of a public key, as a daemon has it: what it makes of one is kept. */
const keys = new Map<string, Key>();

function keyOf(keySpec: KeySpec, publicKey: string): Key {
  const name = `${keySpec} ${publicKey}`;
  const known = keys.get(name);
  if (known !== undefined) return known;
  const { currentMaterial } = materialsOf(['0'.repeat(64)]);
  const material = { ...currentMaterial!, publicKey };
  const key = keyWith({
    ...{ keySpec, keyUsage: 'SIGN_VERIFY' },
    ...{ currentMaterial: material, materials: new Map([[material.id, material]]) },
  });
  keys.set(name, key);
  return key;
}

/** The same signature is verified of the message and of its digest, which are two ways through the daemon. */
const bothTypes: readonly MessageType[] = ['RAW', 'DIGEST'];

function messageOf(type: MessageType, message: Buffer, hashName: string): Buffer {
  return type === 'RAW' ? message : hash(nodeHash(hashName), message, 'buffer');
}

function nodeHash(name: string): string {
  return name.replace('-', '').toLowerCase();
}

function hashBytes(name: string): number {
  return Number(name.slice(-3)) / 8;
}

function rsa(scheme: 'RSASSA_PSS' | 'RSASSA_PKCS1_V1_5', type: MessageType) {
  return (vector: Vector): Verdict => {
    const sha = vector.text('sha');
    return verify(
      keyOf(`RSA_${vector.number('keySize')}` as KeySpec, vector.text('publicKeyDer')),
      {
        SigningAlgorithm: `${scheme}_${sha.replace('-', '_')}`,
        MessageType: type,
        Message: messageOf(type, vector.bytes('msg'), sha),
        signature: vector.bytes('sig'),
      },
    );
  };
}

const asItSays = ({ result }: Vector): 'accepted' | 'refused' =>
  result === 'valid' ? 'accepted' : 'refused';

describe.each(bothTypes)('a signature of a message of type %s', (type) => {
  /** AWS KMS has one hash for both parts, and a salt as long as it. */
  const expectedOfPss = (vector: Vector): 'accepted' | 'refused' => {
    const sha = vector.text('sha');
    const plain = vector.text('mgfSha') === sha && vector.number('sLen') === hashBytes(sha);
    return vector.result === 'valid' && plain ? 'accepted' : 'refused';
  };

  test.each([
    ['2048 bits, SHA-256', 'rsa_pss_2048_sha256_mgf1_32_params_test.json', 63, 45],
    ['2048 bits, SHA-384', 'rsa_pss_2048_sha384_mgf1_48_test.json', 95, 46],
    ['3072 bits, SHA-256', 'rsa_pss_3072_sha256_mgf1_32_test.json', 63, 45],
    ['4096 bits, SHA-512', 'rsa_pss_4096_sha512_mgf1_64_test.json', 132, 47],
    ['other salts and hashes', 'rsa_pss_misc_test.json', 3, 87],
  ])('by RSASSA-PSS, %s, is judged as by Wycheproof', async (_of, file, accepted, refused) => {
    const vectors = readVectors(`wycheproof/${file}`);
    const outcome = await judge(vectors, expectedOfPss, rsa('RSASSA_PSS', type));
    expect(outcome).toEqual({ wrong: [], accepted, refused });
  });

  /*
   * The one that Wycheproof leaves to the implementation lacks the NULL in DigestInfo. RFC 8017 §9.2 lets a verifier take it,
   * and says that a signer does not make it; here it is refused, for the encoded message is compared whole.
   */
  test.each([
    ['2048 bits, SHA-256', 'rsa_signature_2048_sha256_test.json', 9, 250],
    ['3072 bits, SHA-384', 'rsa_signature_3072_sha384_test.json', 7, 252],
    ['4096 bits, SHA-512', 'rsa_signature_4096_sha512_test.json', 7, 252],
  ])(
    'by RSASSA-PKCS1-v1_5, %s, is judged as by Wycheproof',
    async (_of, file, accepted, refused) => {
      const vectors = readVectors(`wycheproof/${file}`);
      const outcome = await judge(vectors, asItSays, rsa('RSASSA_PKCS1_V1_5', type));
      expect(outcome).toEqual({ wrong: [], accepted, refused });
    },
  );

  test('by RSASSA-PKCS1-v1_5, of every size and hash, is judged as by NIST', async () => {
    const vectors = readVectors('nist/rsa_pkcs1_sigver_186-3.json');
    const outcome = await judge(vectors, asItSays, rsa('RSASSA_PKCS1_V1_5', type));
    expect(outcome).toEqual({ wrong: [], accepted: 27, refused: 135 });
  });

  const ecdsa =
    (keySpec: KeySpec) =>
    (vector: Vector): Verdict => {
      const sha = vector.text('sha');
      return verify(keyOf(keySpec, vector.text('publicKeyDer')), {
        SigningAlgorithm: `ECDSA_${sha.replace('-', '_')}`,
        MessageType: type,
        Message: messageOf(type, vector.bytes('msg'), sha),
        signature: vector.bytes('sig'),
      });
    };

  test.each([
    ['ECC_NIST_P256', 'ecdsa_secp256r1_sha256_test.json', 174, 310],
    ['ECC_NIST_P384', 'ecdsa_secp384r1_sha384_test.json', 194, 310],
    ['ECC_NIST_P521', 'ecdsa_secp521r1_sha512_test.json', 232, 310],
    ['ECC_SECG_P256K1', 'ecdsa_secp256k1_sha256_test.json', 168, 308],
  ] as const)(
    'by ECDSA and %s is judged as by Wycheproof',
    async (spec, file, accepted, refused) => {
      const outcome = await judge(readVectors(`wycheproof/${file}`), asItSays, ecdsa(spec));
      expect(outcome).toEqual({ wrong: [], accepted, refused });
    },
  );

  test('by ECDSA is judged as by NIST', async () => {
    const vectors = readVectors('nist/ecdsa_sigver_186-3.json');
    const outcome = await judge(vectors, asItSays, (vector) => {
      const { spec, node } = nistCurves[vector.text('curve')]!;
      const publicKey = spkiOf(node, vector);
      // A changed public key is one that no key of a token has.
      if (publicKey === undefined) return 'refused';
      const sha = vector.text('sha');
      return verify(keyOf(spec, publicKey), {
        SigningAlgorithm: `ECDSA_${sha.replace('-', '_')}`,
        MessageType: type,
        Message: messageOf(type, vector.bytes('msg'), sha),
        signature: derOf(vector.bytes('r'), vector.bytes('s')),
      });
    });
    expect(outcome).toEqual({ wrong: [], accepted: 9, refused: 36 });
  });
});

const nistCurves: Readonly<Record<string, { spec: KeySpec; node: string; jwk: string }>> = {
  secp256r1: { spec: 'ECC_NIST_P256', node: 'prime256v1', jwk: 'P-256' },
  secp384r1: { spec: 'ECC_NIST_P384', node: 'secp384r1', jwk: 'P-384' },
  secp521r1: { spec: 'ECC_NIST_P521', node: 'secp521r1', jwk: 'P-521' },
};

/** Undefined of what is no point of the curve. */
function spkiOf(node: string, vector: Vector): string | undefined {
  const [x, y] = [vector.bytes('qx'), vector.bytes('qy')];
  const length = Math.max(x.length, y.length);
  const padded = [x, y].map((one) => Buffer.concat([Buffer.alloc(length - one.length), one]));
  try {
    ECDH.convertKey(Buffer.concat([Buffer.of(4), ...padded]), node);
  } catch {
    return undefined;
  }
  const [jwkX = '', jwkY = ''] = padded.map((one) => one.toString('base64url'));
  const { jwk } = nistCurves[vector.text('curve')]!;
  const key = { kty: 'EC', crv: jwk, x: jwkX, y: jwkY };
  const publicKey = createPublicKey({ key, format: 'jwk' });
  return publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
}

/** DER of SEQUENCE { r, s }. */
function derOf(...numbers: readonly Buffer[]): Buffer {
  const integers = numbers.map((number) => {
    const first = number.findIndex((byte) => byte !== 0);
    const digits = number.subarray(first === -1 ? number.length - 1 : first);
    const signed = digits[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits;
    return Buffer.concat([Buffer.of(2, signed.length), signed]);
  });
  const body = Buffer.concat(integers);
  return Buffer.concat([
    body.length < 0x80 ? Buffer.of(0x30, body.length) : Buffer.of(0x30, 0x81, body.length),
    body,
  ]);
}

test('a signature by Ed25519 is judged as by Wycheproof', async () => {
  const outcome = await judge(readVectors('wycheproof/ed25519_test.json'), asItSays, (vector) =>
    verify(keyOf('ECC_NIST_EDWARDS25519', vector.text('publicKeyDer')), {
      ...{ SigningAlgorithm: 'ED25519_SHA_512', Message: vector.bytes('msg') },
      signature: vector.bytes('sig'),
    }),
  );
  expect(outcome).toEqual({ wrong: [], accepted: 88, refused: 63 });
});

test('a signature that OpenSSL makes by Ed25519 is one', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const der = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const key = keyOf('ECC_NIST_EDWARDS25519', der);
  const Message = Buffer.from('attack at dawn');
  const whole = { SigningAlgorithm: 'ED25519_SHA_512', Message };
  const signature = sign(null, Message, privateKey);
  expect(verify(key, { ...whole, signature })).toBe('accepted');
  expect(verify(key, { ...whole, Message: Buffer.from('attack at dusk'), signature })).toBe(
    'refused',
  );
});

test('the signature by Ed25519ph of RFC 8032 is one, and none of another message or by Ed25519', () => {
  const { publicKeyDer, msg, sig } = JSON.parse(
    readFileSync('test/vectors/rfc8032/ed25519ph.json', 'utf8'),
  ) as Record<'publicKeyDer' | 'msg' | 'sig', string>;
  const key = keyOf('ECC_NIST_EDWARDS25519', publicKeyDer);
  const [message, signature] = [msg, sig].map((one) => Buffer.from(one, 'base64'));
  expect(ed25519phMessage(key, message!, signature!)).toBe(true);
  expect(ed25519phMessage(key, Buffer.from('abd'), signature!)).toBe(false);
  const raw = { SigningAlgorithm: 'ED25519_SHA_512', Message: message! };
  expect(verify(key, { ...raw, signature: signature! })).toBe('refused');
});

describe('a signature by ML-DSA', () => {
  /** AWS KMS signs with an empty context. */
  const expected = (vector: Vector): 'accepted' | 'refused' =>
    vector.result === 'valid' && vector.text('ctx') === '' ? 'accepted' : 'refused';

  test.each([
    ['ML_DSA_44', 'mldsa_44_verify_test.json.gz', 75, 101],
    ['ML_DSA_65', 'mldsa_65_verify_test.json.gz', 77, 129],
    ['ML_DSA_87', 'mldsa_87_verify_test.json.gz', 69, 168],
  ] as const)('of an %s key is judged as by Wycheproof', async (spec, file, accepted, refused) => {
    // A key of another length is none that a token has made.
    const vectors = readVectors(`wycheproof/${file}`).filter(
      ({ flags }) => !flags.includes('IncorrectPublicKeyLength'),
    );
    const outcome = await judge(vectors, expected, (vector) =>
      verify(keyOf(spec, vector.text('publicKeyDer')), {
        ...{ SigningAlgorithm: 'ML_DSA_SHAKE_256', Message: vector.bytes('msg') },
        signature: vector.bytes('sig'),
      }),
    );
    expect(outcome).toEqual({ wrong: [], accepted, refused });
  });
});
