import {
  constants,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  verify,
  type VerifyKeyObjectInput,
} from 'node:crypto';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa';
import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem';
import { ed25519ph } from '@noble/curves/ed25519.js';
import type {
  MaterialKey,
  MaterialKind,
  MaterialSpec,
  RsaEncryptionAlgorithm,
  SigningAlgorithm,
  Token,
} from '../../hsm/index';

/** A key in the token, and what is known of it outside. */
export interface KeyInToken {
  readonly token: Token;
  readonly key: MaterialKey;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKey: Buffer | undefined;
  /** Of a secret that was imported. */
  readonly secret: Buffer | undefined;
}

/** One algorithm of AWS KMS with one key: what the token answers is judged by an implementation that is not the token's. */
export interface UseCase {
  readonly algorithm: string;
  readonly prove: (key: KeyInToken) => Promise<void>;
}

const hashBits = [256, 384, 512] as const;

function spki({ publicKey }: KeyInToken): KeyObject {
  return createPublicKey({ key: rawSpki({ publicKey }), format: 'der', type: 'spki' });
}

function rawSpki({ publicKey }: Pick<KeyInToken, 'publicKey'>): Buffer {
  if (publicKey === undefined) throw new Error('the key has no public half');
  return publicKey;
}

const digest = (hash: string, data: Buffer): Buffer => createHash(hash).update(data).digest();

/** The token's signature passes, and does not with another message. */
async function proveSignature(
  { token, key }: KeyInToken,
  algorithm: SigningAlgorithm,
  judge: {
    readonly input: (message: Buffer) => Buffer;
    readonly passes: (message: Buffer, signature: Buffer) => boolean;
  },
): Promise<void> {
  const message = randomBytes(100);
  const signature = await token.sign(key, { algorithm, input: judge.input(message) });
  expect(judge.passes(message, signature)).toBe(true);
  expect(judge.passes(Buffer.from('another message'), signature)).toBe(false);
}

/** Of what node:crypto verifies. */
const nodeSigning = (
  algorithm: SigningAlgorithm,
  hash: string | null,
  how: Partial<VerifyKeyObjectInput> = {},
): UseCase => ({
  algorithm,
  prove: (subject) =>
    proveSignature(subject, algorithm, {
      input: (message) => (hash === null ? message : digest(hash, message)),
      passes: (message, signature) =>
        verify(hash, message, { key: spki(subject), ...how }, signature),
    }),
});

const rsaSigning = hashBits.flatMap((bits) => {
  const hash = `sha${String(bits)}`;
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: bits / 8 };
  return [
    nodeSigning(`RSASSA_PKCS1_V1_5_SHA_${bits}`, hash),
    nodeSigning(`RSASSA_PSS_SHA_${bits}`, hash, pss),
  ];
});

const ed25519 = [
  nodeSigning('ED25519_SHA_512', null),
  {
    algorithm: 'ED25519_PH_SHA_512',
    prove: (subject: KeyInToken) => {
      const publicKey = rawSpki(subject).subarray(-32);
      return proveSignature(subject, 'ED25519_PH_SHA_512', {
        input: (message) => message,
        passes: (message, signature) => ed25519ph.verify(signature, message, publicKey),
      });
    },
  },
];

/** `bytes` of a public key (FIPS 204, table 2). */
const mlDsa = (one: typeof ml_dsa44, bytes: number): UseCase => ({
  algorithm: 'ML_DSA_SHAKE_256',
  prove: (subject) => {
    const publicKey = rawSpki(subject).subarray(-bytes);
    return proveSignature(subject, 'ML_DSA_SHAKE_256', {
      input: (message) => message,
      passes: (message, signature) => one.verify(publicKey, message, signature),
    });
  },
});

const oaep = (algorithm: RsaEncryptionAlgorithm, oaepHash: string): UseCase => ({
  algorithm,
  async prove(subject) {
    const { token, key } = subject;
    const plaintext = randomBytes(32);
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const ciphertext = publicEncrypt({ key: spki(subject), padding, oaepHash }, plaintext);
    expect(await token.decryptOaep(key, algorithm, ciphertext)).toEqual(plaintext);
    const tampered = Buffer.from(ciphertext);
    tampered.writeUInt8(tampered.readUInt8(100) ^ 1, 100);
    await expect((async () => token.decryptOaep(key, algorithm, tampered))()).rejects.toMatchObject(
      { code: 'ciphertext-invalid' },
    );
  },
});

const ecdh: UseCase = {
  algorithm: 'ECDH',
  async prove(subject) {
    const publicKey = spki(subject);
    const namedCurve = publicKey.asymmetricKeyDetails?.namedCurve ?? '';
    const peer = generateKeyPairSync('ec', { namedCurve });
    const { x = '', y = '' } = peer.publicKey.export({ format: 'jwk' });
    const coordinates = [x, y].map((one) => Buffer.from(one, 'base64url'));
    const point = Buffer.concat([Buffer.of(4), ...coordinates]);
    expect(await subject.token.agree(subject.key, point)).toEqual(
      diffieHellman({ privateKey: peer.privateKey, publicKey }),
    );
  },
};

/** `bytes` of a public key (FIPS 203, table 3). */
const mlKem = (one: typeof ml_kem512, bytes: number): UseCase => ({
  algorithm: 'ML_KEM',
  async prove(subject) {
    const { token, key } = subject;
    const publicKey = rawSpki(subject);
    const outside = one.encapsulate(publicKey.subarray(-bytes));
    const secret = await token.decapsulate(key, Buffer.from(outside.cipherText));
    expect(secret).toEqual(Buffer.from(outside.sharedSecret));
    const inside = await token.encapsulate(key.kind, publicKey);
    expect(await token.decapsulate(key, inside.ciphertext)).toEqual(inside.sharedSecret);
  },
});

/** Of a secret that nobody knows outside, all that can be told is that it keys a function. */
const hmac = (bits: number): UseCase => ({
  algorithm: `HMAC_SHA_${String(bits)}`,
  async prove({ token, key, secret }) {
    const [one, other] = [randomBytes(100), randomBytes(4096)];
    const mac = await token.mac(key, one);
    expect(mac).toHaveLength(bits / 8);
    expect(await token.mac(key, one)).toEqual(mac);
    expect(await token.mac(key, other)).not.toEqual(mac);
    if (secret === undefined) return;
    expect(mac).toEqual(
      createHmac(`sha${String(bits)}`, secret)
        .update(one)
        .digest(),
    );
  },
});

const aes: UseCase = {
  algorithm: 'SYMMETRIC_DEFAULT',
  async prove({ token, key, secret }) {
    const [aad, plaintext] = [randomBytes(82), randomBytes(4096)];
    const sealed = await token.encryptAesGcm(key, aad, plaintext);
    expect(await token.decryptAesGcm(key, { ...sealed, aad })).toEqual(plaintext);
    await expect(
      (async () => token.decryptAesGcm(key, { ...sealed, aad: randomBytes(82) }))(),
    ).rejects.toMatchObject({ code: 'ciphertext-invalid' });
    if (secret === undefined) return;
    const opening = createDecipheriv('aes-256-gcm', secret, sealed.iv, { authTagLength: 16 });
    opening.setAAD(aad).setAuthTag(sealed.ciphertext.subarray(-16));
    const opened = [opening.update(sealed.ciphertext.subarray(0, -16)), opening.final()];
    expect(Buffer.concat(opened)).toEqual(plaintext);
  },
};

interface Row {
  readonly kind: MaterialKind;
  readonly cases: readonly UseCase[];
}

const rowsOf = (
  usage: MaterialKind['usage'],
  rows: Readonly<Partial<Record<MaterialSpec, readonly UseCase[]>>>,
): readonly Row[] =>
  Object.entries(rows).map(([spec, cases]) => ({
    kind: { spec: spec as MaterialSpec, usage },
    cases,
  }));

/** Every kind of key that AWS KMS has and PKCS#11 can have, and its algorithms (kms-semantics §3.1). */
export const useCases: readonly Row[] = [
  ...rowsOf('ENCRYPT_DECRYPT', { SYMMETRIC_DEFAULT: [aes] }),
  ...rowsOf('GENERATE_VERIFY_MAC', {
    HMAC_224: [hmac(224)],
    HMAC_256: [hmac(256)],
    HMAC_384: [hmac(384)],
    HMAC_512: [hmac(512)],
  }),
  ...(['RSA_2048', 'RSA_3072', 'RSA_4096'] as const).flatMap((spec) => [
    ...rowsOf('SIGN_VERIFY', { [spec]: rsaSigning }),
    ...rowsOf('ENCRYPT_DECRYPT', {
      [spec]: [oaep('RSAES_OAEP_SHA_1', 'sha1'), oaep('RSAES_OAEP_SHA_256', 'sha256')],
    }),
  ]),
  ...rowsOf('SIGN_VERIFY', {
    ECC_NIST_P256: [nodeSigning('ECDSA_SHA_256', 'sha256')],
    ECC_NIST_P384: [nodeSigning('ECDSA_SHA_384', 'sha384')],
    ECC_NIST_P521: [nodeSigning('ECDSA_SHA_512', 'sha512')],
    ECC_SECG_P256K1: [nodeSigning('ECDSA_SHA_256', 'sha256')],
    ECC_NIST_EDWARDS25519: ed25519,
    ML_DSA_44: [mlDsa(ml_dsa44, 1312)],
    ML_DSA_65: [mlDsa(ml_dsa65, 1952)],
    ML_DSA_87: [mlDsa(ml_dsa87, 2592)],
  }),
  ...rowsOf('KEY_AGREEMENT', {
    ECC_NIST_P256: [ecdh],
    ECC_NIST_P384: [ecdh],
    ECC_NIST_P521: [ecdh],
  }),
  ...rowsOf('ENCAPSULATE_DECAPSULATE', {
    ML_KEM_512: [mlKem(ml_kem512, 800)],
    ML_KEM_768: [mlKem(ml_kem768, 1184)],
    ML_KEM_1024: [mlKem(ml_kem1024, 1568)],
  }),
];
