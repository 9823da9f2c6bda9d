import {
  type KeyObject,
  constants,
  createHash,
  createPublicKey,
  hash,
  sign,
  verify,
} from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa';
import type { Key } from '../../src/keys/key';
import type { ImportedMaterial } from '../../src/keys/material';
import { requireSignable, requireSignature, signingRequest } from '../../src/keys/signing';
import { algorithmsOf } from '../../src/keys/specs';
import { ed25519phMessage } from '../../src/keys/verifiers';
import type { KeySpec, MessageType, SigningAlgorithmSpec } from '../../src/shapes/kms.generated';
import { keyWith, materialsOf } from '../support/sample-keys';
import {
  curveOrders,
  ecdsaOf,
  integersOf,
  malformedEcdsa,
  toNumber,
} from '../support/signature-forms';
import {
  type OpenSslAlgorithm,
  openSslPair,
  openSslSchemes,
  pssEncoded,
  recovered,
  signEncoded,
  signingKey,
} from '../support/signing-keys';

const Message = Buffer.from('attack at dawn');
const other = Buffer.from('attack at dusk');

interface Pair {
  readonly key: Key;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const pairs = new Map<KeySpec, Pair>();
function pairOf(spec: KeySpec): Pair {
  let pair = pairs.get(spec);
  if (pair === undefined) {
    const made = openSslPair[spec]?.();
    if (made === undefined) throw new Error(`OpenSSL makes no ${spec}`);
    pair = { key: signingKey(spec, made.publicKey), ...made };
    pairs.set(spec, pair);
  }
  return pair;
}

const rsaAlgorithms = algorithmsOf('RSA_2048', 'SIGN_VERIFY') as readonly OpenSslAlgorithm[];
const served: readonly (readonly [KeySpec, OpenSslAlgorithm])[] = [
  ...rsaAlgorithms.map((algorithm) => ['RSA_2048', algorithm] as const),
  ['ECC_NIST_P256', 'ECDSA_SHA_256'],
  ['ECC_NIST_P384', 'ECDSA_SHA_384'],
  ['ECC_NIST_P521', 'ECDSA_SHA_512'],
  ['ECC_SECG_P256K1', 'ECDSA_SHA_256'],
  ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512'],
];

function signed(spec: KeySpec, algorithm: OpenSslAlgorithm, message = Message): Buffer {
  const { hash: name, options } = openSslSchemes[algorithm];
  return sign(name, message, { key: pairOf(spec).privateKey, ...options });
}

/** What Verify says of the message, and of its digest where the algorithm takes one. The same, in every case. */
function verdict(
  key: Key,
  SigningAlgorithm: OpenSslAlgorithm,
  signature: Buffer,
  message = Message,
): string {
  const { hash: name } = openSslSchemes[SigningAlgorithm];
  const asked = [
    { Message: message, SigningAlgorithm },
    ...(name === undefined
      ? []
      : [
          {
            Message: hash(name, message, 'buffer'),
            MessageType: 'DIGEST' as const,
            SigningAlgorithm,
          },
        ]),
  ];
  const [first = '', ...rest] = asked.map((signable) => {
    requireSignable(key, signable);
    try {
      requireSignature(key, signable, signature);
      return 'valid';
    } catch (error) {
      expect(error).toMatchObject({ code: 'KMSInvalidSignatureException', message: '' });
      return 'invalid';
    }
  });
  expect(rest).toEqual(rest.map(() => first));
  return first;
}

describe('A signature', () => {
  test.each(served)('of OpenSSL with %s by %s is one of its message alone', (spec, algorithm) => {
    const { key } = pairOf(spec);
    const signature = signed(spec, algorithm);
    expect(verdict(key, algorithm, signature)).toBe('valid');
    expect(verdict(key, algorithm, signature, other)).toBe('invalid');
    expect(verdict(key, algorithm, signed(spec, algorithm, other))).toBe('invalid');
    const made = openSslPair[spec]?.();
    expect(verdict(signingKey(spec, made!.publicKey), algorithm, signature)).toBe('invalid');
  });

  test.each(served)(
    'of %s by %s is refused with any of its bits changed, and cut',
    (spec, algorithm) => {
      const { key } = pairOf(spec);
      const signature = signed(spec, algorithm);
      for (let at = 0; at < signature.length; at += 7) {
        const changed = Buffer.from(signature);
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        expect([at, verdict(key, algorithm, changed)]).toEqual([at, 'invalid']);
      }
      for (const wrong of [
        ...[0, 1, -1].map((end) => signature.subarray(0, end)),
        signature.subarray(1),
        Buffer.concat([signature, Buffer.of(0)]),
        Buffer.concat([Buffer.of(0), signature]),
        Buffer.concat([signature, signature]),
        ...[0, 0xff].map((byte) => Buffer.alloc(signature.length, byte)),
        ...[1, 64, 256, 6144].map((length) => Buffer.alloc(length, 1)),
      ]) {
        expect(verdict(key, algorithm, wrong)).toBe('invalid');
      }
    },
  );

  test('by one algorithm is none by another', () => {
    const { key } = pairOf('RSA_2048');
    for (const made of rsaAlgorithms) {
      const signature = signed('RSA_2048', made);
      const valid = rsaAlgorithms.filter((one) => verdict(key, one, signature) === 'valid');
      expect(valid).toEqual([made]);
    }
  });
});

describe('An RSA signature', () => {
  /** As long as the modulus, of the bytes 00 01, as many FF as fit, 00 and the end. */
  const encoded = (end: Buffer, type = 1, padding = 0xff) =>
    Buffer.concat([
      Buffer.of(0, type),
      Buffer.alloc(256 - 3 - end.length, padding),
      Buffer.of(0),
      end,
    ]);
  const digest = hash('sha256', Message, 'buffer');
  const info = (hex: string) => Buffer.concat([Buffer.from(hex, 'hex'), digest]);
  const sha256 = '3031300d060960864801650304020105000420';

  test('of another PKCS #1 encoding than the one is refused', () => {
    const { key, privateKey } = pairOf('RSA_2048');
    const forms: Readonly<Record<string, readonly [Buffer, 'valid' | 'invalid']>> = {
      'as it must be': [encoded(info(sha256)), 'valid'],
      'without the NULL': [
        encoded(info('302f300b0609608648016503040201 0420'.replace(' ', ''))),
        'invalid',
      ],
      'without DigestInfo': [encoded(digest), 'invalid'],
      'of another hash': [encoded(info(sha256.replace('0201', '0203'))), 'invalid'],
      'with a length in the long form': [encoded(info(`308131${sha256.slice(4)}`)), 'invalid'],
      'for encryption': [encoded(info(sha256), 2), 'invalid'],
      'of type 0': [encoded(info(sha256), 0, 0), 'invalid'],
      'with other padding': [encoded(info(sha256), 1, 0xfe), 'invalid'],
      'with garbage after the digest': [
        Buffer.concat([
          Buffer.of(0, 1),
          Buffer.alloc(8, 0xff),
          Buffer.of(0),
          info(sha256),
          Buffer.alloc(256 - 11 - 51, 7),
        ]),
        'invalid',
      ],
      zero: [Buffer.alloc(256), 'invalid'],
    };
    for (const [form, [message, expected]] of Object.entries(forms)) {
      const signature = signEncoded(privateKey, message);
      expect([form, verdict(key, 'RSASSA_PKCS1_V1_5_SHA_256', signature)]).toEqual([
        form,
        expected,
      ]);
    }
  });

  test.each([0, 1, 20, 31, 33, 48, 64, constants.RSA_PSS_SALTLEN_MAX_SIGN])(
    'by PSS with a salt of %i bytes is refused, whose hash has 32',
    (saltLength) => {
      const { key, privateKey } = pairOf('RSA_2048');
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      const signature = sign('sha256', Message, { key: privateKey, padding, saltLength });
      expect(verdict(key, 'RSASSA_PSS_SHA_256', signature)).toBe('invalid');
    },
  );

  test('of another PSS encoding is refused', () => {
    const { key, privateKey, publicKey } = pairOf('RSA_2048');
    const signature = signed('RSA_2048', 'RSASSA_PSS_SHA_256');
    const message = recovered(publicKey, signature);
    const changed = (at: number, bits: number): Buffer => {
      const copy = Buffer.from(message);
      copy[at] = (copy[at] ?? 0) ^ bits;
      return signEncoded(privateKey, copy);
    };
    expect(verdict(key, 'RSASSA_PSS_SHA_256', signEncoded(privateKey, message))).toBe('valid');
    // The trailer (CC is that of ISO 9796-2), the hash, the salt, the 01 before it, the padding before that.
    for (const [at, bits] of [
      [255, 0xbc ^ 0xcc],
      [255, 1],
      [254, 1],
      [223, 0x80],
      [222, 1],
      [191, 1],
      [190, 3],
      [190, 1],
      [189, 1],
      [100, 0x10],
      [0, 1],
    ] as const) {
      expect([at, verdict(key, 'RSASSA_PSS_SHA_256', changed(at, bits))]).toEqual([at, 'invalid']);
    }
  });

  test('by PSS that masks with another hash is refused', () => {
    const { key, privateKey } = pairOf('RSA_2048');
    for (const [masking, expected] of [
      ['sha256', 'valid'],
      ['sha1', 'invalid'],
      ['sha512', 'invalid'],
    ] as const) {
      const signature = signEncoded(privateKey, pssEncoded(digest, masking));
      expect([masking, verdict(key, 'RSASSA_PSS_SHA_256', signature)]).toEqual([masking, expected]);
    }
  });

  test.each(['RSASSA_PSS_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_512'] as const)(
    'by %s that begins with zeros has them, neither more nor fewer',
    (algorithm) => {
      const { key } = pairOf('RSA_2048');
      let signature: Buffer = Buffer.of(1);
      let message = Message;
      for (let i = 0; signature[0] !== 0; i++) {
        message = Buffer.from(`message ${i}`);
        signature = signed('RSA_2048', algorithm, message);
      }
      expect(verdict(key, algorithm, signature, message)).toBe('valid');
      expect(verdict(key, algorithm, signature.subarray(1), message)).toBe('invalid');
      const longer = Buffer.concat([Buffer.of(0), signature]);
      expect(verdict(key, algorithm, longer, message)).toBe('invalid');
    },
  );

  test('that is as great as the modulus, or greater, is refused', () => {
    const { key, publicKey } = pairOf('RSA_2048');
    const modulus = Buffer.from(publicKey.export({ format: 'jwk' }).n ?? '', 'base64url');
    for (const algorithm of ['RSASSA_PSS_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_256'] as const) {
      const value = toNumber(signed('RSA_2048', algorithm)) + toNumber(modulus);
      const beyond = Buffer.from(value.toString(16).padStart(514, '0'), 'hex');
      expect(verdict(key, algorithm, modulus)).toBe('invalid');
      expect(verdict(key, algorithm, beyond[0] === 0 ? beyond.subarray(1) : beyond)).toBe(
        'invalid',
      );
    }
  });
});

describe('An ECDSA signature', () => {
  const ecdsa = served.flatMap(([spec, algorithm]) =>
    spec in curveOrders ? [[spec as keyof typeof curveOrders, algorithm] as const] : [],
  );

  test.each(ecdsa)('with %s is one with its s and with the other', (spec, algorithm) => {
    const { key } = pairOf(spec);
    const [r, s] = integersOf(signed(spec, algorithm)).map(toNumber) as [bigint, bigint];
    expect(verdict(key, algorithm, ecdsaOf(r, s))).toBe('valid');
    expect(verdict(key, algorithm, ecdsaOf(r, curveOrders[spec] - s))).toBe('valid');
  });

  test.each(ecdsa)('with %s is refused in every form but DER', (spec, algorithm) => {
    const { key, publicKey } = pairOf(spec);
    const forms = malformedEcdsa(signed(spec, algorithm), curveOrders[spec]);
    for (const [form, signature] of Object.entries(forms)) {
      const ofOpenSsl = verify(openSslSchemes[algorithm].hash, Message, publicKey, signature);
      expect([form, verdict(key, algorithm, signature)]).toEqual([form, 'invalid']);
      expect([form, ofOpenSsl]).toEqual([form, false]);
    }
  });
});

describe('Ed25519ph', () => {
  test('verifies the signature of RFC 8032 §7.3', () => {
    const point = 'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf';
    const signature = Buffer.from(
      '98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406',
      'hex',
    );
    const der = Buffer.from(`302a300506032b6570032100${point}`, 'hex');
    const key = signingKey('ECC_NIST_EDWARDS25519', der);
    expect(ed25519phMessage(key, Buffer.from('abc'), signature)).toBe(true);
    expect(ed25519phMessage(key, Buffer.from('abd'), signature)).toBe(false);
    // It is no Ed25519 signature of the digest.
    expect(verify(null, hash('sha512', 'abc', 'buffer'), publicOf(der), signature)).toBe(false);
  });

  test('signs and verifies the digest as a message, which is hashed again', () => {
    const secret = Buffer.alloc(32, 7);
    const key = edwardsKey(ed25519ph.getPublicKey(secret));
    const digest = hash('sha512', Message, 'buffer');
    const signable = {
      ...{ Message: digest, MessageType: 'DIGEST' as const },
      SigningAlgorithm: 'ED25519_PH_SHA_512',
    };
    requireSignable(key, signable);
    expect(signingRequest(signable)).toEqual({
      ...{ algorithm: 'ED25519_PH_SHA_512', externalMu: false },
      input: hash('sha512', digest, 'buffer'),
    });
    const refused = { code: 'KMSInvalidSignatureException', message: '' };
    requireSignature(key, signable, Buffer.from(ed25519ph.sign(digest, secret)));
    for (const wrong of [
      Buffer.from(ed25519ph.sign(Message, secret)),
      Buffer.from(ed25519ph.sign(digest, secret)).subarray(1),
      Buffer.from(ed25519ph.sign(digest, Buffer.alloc(32, 8))),
      Buffer.alloc(64),
      Buffer.alloc(1),
    ]) {
      expect(() => requireSignature(key, signable, wrong)).toThrow(
        expect.objectContaining(refused),
      );
    }
  });
});

describe('ML-DSA', () => {
  const schemes = [
    ['ML_DSA_44', ml_dsa44, '11'],
    ['ML_DSA_65', ml_dsa65, '12'],
    ['ML_DSA_87', ml_dsa87, '13'],
  ] as const;

  test.each(schemes)('%s verifies a message, and its mu (FIPS 204 §6.2)', (spec, scheme, arc) => {
    const { publicKey, secretKey } = scheme.keygen(Buffer.alloc(32, 7));
    const key = signingKey(spec, latticeKey(arc, publicKey));
    const SigningAlgorithm = 'ML_DSA_SHAKE_256';
    const raw = { Message, SigningAlgorithm };
    const tr = shake256(Buffer.from(publicKey));
    const mu = shake256(Buffer.concat([tr, Buffer.of(0, 0), Message]));
    const external = { Message: mu, MessageType: 'EXTERNAL_MU' as const, SigningAlgorithm };
    const signature = Buffer.from(scheme.sign(secretKey, Message));
    const withContext = Buffer.from(scheme.sign(secretKey, Message, Buffer.from('context')));
    for (const signable of [raw, external]) {
      requireSignable(key, signable);
      requireSignature(key, signable, signature);
      for (const wrong of [
        withContext,
        ...[1, 100, signature.length - 1].map((at) => changedAt(signature, at)),
        signature.subarray(0, -1),
        Buffer.concat([signature, Buffer.of(0)]),
        Buffer.alloc(signature.length),
        Buffer.alloc(1),
      ]) {
        expect(() => requireSignature(key, signable, wrong)).toThrow(
          expect.objectContaining({ code: 'KMSInvalidSignatureException', message: '' }),
        );
      }
    }
    expect(() => requireSignature(key, { ...raw, Message: mu }, signature)).toThrow(
      expect.objectContaining({ code: 'KMSInvalidSignatureException', message: '' }),
    );
    expect(signingRequest(external)).toEqual({
      ...{ algorithm: 'ML_DSA_SHAKE_256', input: mu, externalMu: true },
    });
    expect(signingRequest(raw)).toEqual({
      ...{ algorithm: 'ML_DSA_SHAKE_256', input: Message, externalMu: false },
    });
  });
});

describe('What the token is asked to sign', () => {
  test.each(served)('of %s by %s is the digest, or else the message', (_, algorithm) => {
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
  type Case = readonly [KeySpec, SigningAlgorithmSpec, MessageType, number, string];
  const invalid = 'ValidationException';
  const wrongType = (type: MessageType, fault: string) =>
    `${invalid}: Message type ${type} is incompatible with ${fault}.`;
  const wrongLength = (algorithm: string) =>
    `${invalid}: Digest is invalid length for algorithm ${algorithm}.`;
  const wrongAlgorithm = (algorithm: string, spec: KeySpec) =>
    `InvalidKeyUsageException: Algorithm ${algorithm} is incompatible with key spec ${spec}.`;
  const edwards = 'ECC_NIST_EDWARDS25519';

  test.each<Case>([
    ['RSA_2048', 'RSASSA_PSS_SHA_256', 'DIGEST', 31, wrongLength('RSASSA_PSS_SHA_256')],
    ['RSA_2048', 'RSASSA_PSS_SHA_256', 'DIGEST', 33, wrongLength('RSASSA_PSS_SHA_256')],
    ['RSA_3072', 'RSASSA_PSS_SHA_384', 'DIGEST', 32, wrongLength('RSASSA_PSS_SHA_384')],
    ['RSA_4096', 'RSASSA_PSS_SHA_512', 'DIGEST', 48, wrongLength('RSASSA_PSS_SHA_512')],
    [
      'RSA_2048',
      'RSASSA_PKCS1_V1_5_SHA_256',
      'DIGEST',
      64,
      wrongLength('RSASSA_PKCS1_V1_5_SHA_256'),
    ],
    [
      'RSA_2048',
      'RSASSA_PKCS1_V1_5_SHA_384',
      'DIGEST',
      1,
      wrongLength('RSASSA_PKCS1_V1_5_SHA_384'),
    ],
    [
      'RSA_2048',
      'RSASSA_PKCS1_V1_5_SHA_512',
      'DIGEST',
      4096,
      wrongLength('RSASSA_PKCS1_V1_5_SHA_512'),
    ],
    ['ECC_NIST_P256', 'ECDSA_SHA_256', 'DIGEST', 48, wrongLength('ECDSA_SHA_256')],
    ['ECC_SECG_P256K1', 'ECDSA_SHA_256', 'DIGEST', 31, wrongLength('ECDSA_SHA_256')],
    ['ECC_NIST_P384', 'ECDSA_SHA_384', 'DIGEST', 32, wrongLength('ECDSA_SHA_384')],
    ['ECC_NIST_P521', 'ECDSA_SHA_512', 'DIGEST', 66, wrongLength('ECDSA_SHA_512')],
    [edwards, 'ED25519_PH_SHA_512', 'DIGEST', 63, wrongLength('ED25519_PH_SHA_512')],
    ['ML_DSA_44', 'ML_DSA_SHAKE_256', 'EXTERNAL_MU', 63, wrongLength('ML_DSA_SHAKE_256')],
    ['ML_DSA_87', 'ML_DSA_SHAKE_256', 'EXTERNAL_MU', 65, wrongLength('ML_DSA_SHAKE_256')],
    [edwards, 'ED25519_SHA_512', 'DIGEST', 64, wrongType('DIGEST', 'algorithm ED25519_SHA_512')],
    [edwards, 'ED25519_PH_SHA_512', 'RAW', 64, wrongType('RAW', 'algorithm ED25519_PH_SHA_512')],
    [
      edwards,
      'ED25519_SHA_512',
      'EXTERNAL_MU',
      64,
      wrongType('EXTERNAL_MU', `key spec ${edwards}`),
    ],
    [
      edwards,
      'ED25519_PH_SHA_512',
      'EXTERNAL_MU',
      64,
      wrongType('EXTERNAL_MU', `key spec ${edwards}`),
    ],
    ['ML_DSA_44', 'ML_DSA_SHAKE_256', 'DIGEST', 64, wrongType('DIGEST', 'key spec ML_DSA_44')],
    [
      'RSA_2048',
      'RSASSA_PSS_SHA_512',
      'EXTERNAL_MU',
      64,
      wrongType('EXTERNAL_MU', 'key spec RSA_2048'),
    ],
    [
      'ECC_NIST_P256',
      'ECDSA_SHA_256',
      'EXTERNAL_MU',
      64,
      wrongType('EXTERNAL_MU', 'key spec ECC_NIST_P256'),
    ],
    ['RSA_2048', 'ECDSA_SHA_256', 'RAW', 1, wrongAlgorithm('ECDSA_SHA_256', 'RSA_2048')],
    [
      'ECC_NIST_P256',
      'ECDSA_SHA_384',
      'DIGEST',
      1,
      wrongAlgorithm('ECDSA_SHA_384', 'ECC_NIST_P256'),
    ],
    ['ECC_NIST_P384', 'ECDSA_SHA_256', 'RAW', 1, wrongAlgorithm('ECDSA_SHA_256', 'ECC_NIST_P384')],
    ['ECC_NIST_P521', 'SM2DSA', 'RAW', 1, wrongAlgorithm('SM2DSA', 'ECC_NIST_P521')],
    [
      'ECC_NIST_P256',
      'ED25519_SHA_512',
      'DIGEST',
      1,
      wrongAlgorithm('ED25519_SHA_512', 'ECC_NIST_P256'),
    ],
    [edwards, 'ECDSA_SHA_512', 'RAW', 1, wrongAlgorithm('ECDSA_SHA_512', edwards)],
    ['ML_DSA_65', 'ED25519_SHA_512', 'RAW', 1, wrongAlgorithm('ED25519_SHA_512', 'ML_DSA_65')],
    ['RSA_4096', 'ML_DSA_SHAKE_256', 'DIGEST', 1, wrongAlgorithm('ML_DSA_SHAKE_256', 'RSA_4096')],
  ])('%s with %s, %s of %i bytes', (keySpec, SigningAlgorithm, messageType, length, expected) => {
    const key = keyWith({ keySpec, keyUsage: 'SIGN_VERIFY' });
    const signable = {
      Message: Buffer.alloc(length, 1),
      MessageType: messageType,
      SigningAlgorithm,
    };
    const [code, message] = expected.split(': ');
    expect(() => requireSignable(key, signable)).toThrow(
      expect.objectContaining({ code, message }),
    );
  });

  test('is everything, while the material is not there', () => {
    const { publicKey } = pairOf('ECC_NIST_P256');
    const there = signingKey('ECC_NIST_P256', publicKey);
    const signable = { Message, SigningAlgorithm: 'ECDSA_SHA_256' };
    const signature = signed('ECC_NIST_P256', 'ECDSA_SHA_256');
    for (const key of [
      { ...there, currentMaterial: undefined, materials: new Map() },
      { ...there, currentMaterial: { ...there.currentMaterial!, imported: deleted } },
    ]) {
      expect(() => requireSignature(key, signable, signature)).toThrow(
        expect.objectContaining({
          code: 'KMSInvalidStateException',
          message: `${key.arn} is pending import.`,
        }),
      );
    }
  });

  test('is what was imported before public keys were kept', () => {
    const key = keyWith({
      ...{ keySpec: 'ECC_NIST_P256', keyUsage: 'SIGN_VERIFY', origin: 'EXTERNAL' },
      ...materialsOf(['a'.repeat(64)]),
    });
    const signable = { Message, SigningAlgorithm: 'ECDSA_SHA_256' };
    expect(() => requireSignature(key, signable, Buffer.of(1))).toThrow(
      expect.objectContaining({
        code: 'KMSInvalidStateException',
        message: `${key.arn} was imported before public keys were kept. Import the same key material again.`,
      }),
    );
  });
});

const deleted: ImportedMaterial = {
  state: 'PENDING_IMPORT',
  expirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
  ...{ validTo: undefined, lapsesAt: Infinity },
};

function publicOf(der: Buffer): KeyObject {
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

function edwardsKey(point: Uint8Array): Key {
  const prefix = Buffer.from('302a300506032b6570032100', 'hex');
  return signingKey('ECC_NIST_EDWARDS25519', Buffer.concat([prefix, point]));
}

/** SubjectPublicKeyInfo of id-ml-dsa-… (RFC 9881 §4). */
function latticeKey(arc: string, key: Uint8Array): Buffer {
  const algorithm = Buffer.from(`300b06096086480165030403${arc}`, 'hex');
  const long = (tag: number, content: Buffer): Buffer => {
    const head = Buffer.of(tag, 0x82, 0, 0);
    head.writeUInt16BE(content.length, 2);
    return Buffer.concat([head, content]);
  };
  const bits = long(0x03, Buffer.concat([Buffer.of(0), key]));
  return long(0x30, Buffer.concat([algorithm, bits]));
}

function shake256(message: Buffer): Buffer {
  return createHash('shake256', { outputLength: 64 }).update(message).digest();
}

function changedAt(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
