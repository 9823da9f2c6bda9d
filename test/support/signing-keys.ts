import {
  type KeyObject,
  type KeyPairKeyObjectResult,
  constants,
  createPublicKey,
  generateKeyPairSync,
  hash,
  privateEncrypt,
  publicDecrypt,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { residentKey } from '../../hsm';
import type { Key } from '../../src/keys/key';
import { requireSignable, requireSignature } from '../../src/keys/signing';
import { algorithmsOf } from '../../src/keys/specs';
import type { KeySpec } from '../../src/shapes/kms.generated';
import { keyWith, materialId } from './sample-keys';

/** A signing key as a worker holds it, of which only the public half is there. */
export function signingKey(keySpec: KeySpec, publicKey: KeyObject | Buffer): Key {
  const der = Buffer.isBuffer(publicKey)
    ? publicKey
    : publicKey.export({ format: 'der', type: 'spki' });
  const material = {
    ...residentKey(materialId),
    state: 'CURRENT' as const,
    imported: undefined,
    publicKey: der.toString('base64'),
  };
  return keyWith({
    ...{ keySpec, keyUsage: 'SIGN_VERIFY', currentMaterial: material },
    materials: new Map([[materialId, material]]),
  });
}

/** Key pairs of OpenSSL, by KeySpec. */
export const openSslPair = {
  RSA_2048: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ECC_NIST_P256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ECC_NIST_P384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ECC_NIST_P521: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  ECC_SECG_P256K1: () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  ECC_NIST_EDWARDS25519: () => generateKeyPairSync('ed25519'),
} as const satisfies Partial<Record<KeySpec, () => KeyPairKeyObjectResult>>;

/** The specs of which OpenSSL makes key pairs here. */
export type OpenSslSpec = keyof typeof openSslPair;

/** How OpenSSL signs and verifies what AWS KMS calls so; `hash` is undefined of what takes the message whole. */
export interface OpenSslScheme {
  readonly hash: 'sha256' | 'sha384' | 'sha512' | undefined;
  readonly options: { readonly padding?: number; readonly saltLength?: number };
}

const pkcs1 = { padding: constants.RSA_PKCS1_PADDING };
const pss = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};

export const openSslSchemes = {
  RSASSA_PKCS1_V1_5_SHA_256: { hash: 'sha256', options: pkcs1 },
  RSASSA_PKCS1_V1_5_SHA_384: { hash: 'sha384', options: pkcs1 },
  RSASSA_PKCS1_V1_5_SHA_512: { hash: 'sha512', options: pkcs1 },
  RSASSA_PSS_SHA_256: { hash: 'sha256', options: pss },
  RSASSA_PSS_SHA_384: { hash: 'sha384', options: pss },
  RSASSA_PSS_SHA_512: { hash: 'sha512', options: pss },
  ECDSA_SHA_256: { hash: 'sha256', options: {} },
  ECDSA_SHA_384: { hash: 'sha384', options: {} },
  ECDSA_SHA_512: { hash: 'sha512', options: {} },
  ED25519_SHA_512: { hash: undefined, options: {} },
} as const satisfies Readonly<Record<string, OpenSslScheme>>;

export type OpenSslAlgorithm = keyof typeof openSslSchemes;

/** What is signed where nothing else is said. */
export const Message = Buffer.from('attack at dawn');

export interface Pair {
  readonly key: Key;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const pairs = new Map<OpenSslSpec, Pair>();
/** One of OpenSSL's, the same for as long as the test file runs. */
export function pairOf(spec: OpenSslSpec): Pair {
  let pair = pairs.get(spec);
  if (pair === undefined) {
    const made = openSslPair[spec]();
    pair = { key: signingKey(spec, made.publicKey), ...made };
    pairs.set(spec, pair);
  }
  return pair;
}

export const rsaAlgorithms = algorithmsOf('RSA_2048', 'SIGN_VERIFY') as readonly OpenSslAlgorithm[];
/** What OpenSSL signs and verifies as AWS KMS does. */
export const signedByOpenSsl: readonly (readonly [OpenSslSpec, OpenSslAlgorithm])[] = [
  ...rsaAlgorithms.map((algorithm) => ['RSA_2048', algorithm] as const),
  ['ECC_NIST_P256', 'ECDSA_SHA_256'],
  ['ECC_NIST_P384', 'ECDSA_SHA_384'],
  ['ECC_NIST_P521', 'ECDSA_SHA_512'],
  ['ECC_SECG_P256K1', 'ECDSA_SHA_256'],
  ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512'],
];

export function signed(spec: OpenSslSpec, algorithm: OpenSslAlgorithm, message = Message): Buffer {
  return signedWith(pairOf(spec).privateKey, algorithm, message);
}

/** By OpenSSL. */
export function signedWith(key: KeyObject, algorithm: OpenSslAlgorithm, message = Message): Buffer {
  const { hash: name, options } = openSslSchemes[algorithm];
  return sign(name, message, { key, ...options });
}

/** What OpenSSL says, given the DER of a public key. */
export function verifiedByOpenSsl(
  algorithm: OpenSslAlgorithm,
  publicKey: Uint8Array,
  { message = Message, signature }: { readonly message?: Buffer; readonly signature: Uint8Array },
): boolean {
  const { hash: name, options } = openSslSchemes[algorithm];
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  return verify(name, message, { key, ...options }, signature);
}

/** What Verify says of the message, and of its digest where the algorithm takes one. The same, in every case. */
export function verdict(
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

/** The private RSA operation on an encoded message, whatever that is. */
export function signEncoded(privateKey: KeyObject, encoded: Buffer): Buffer {
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded);
}

/** The encoded message of a signature. */
export function recovered(publicKey: KeyObject, signature: Buffer): Buffer {
  return publicDecrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, signature);
}

/** EMSA-PSS of a digest by SHA-256 for a modulus of 2048 bits, masked by a hash of any name (RFC 8017 §9.1.1). */
export function pssEncoded(digest: Buffer, masking: string): Buffer {
  const salt = randomBytes(32);
  const hashed = hash('sha256', Buffer.concat([Buffer.alloc(8), digest, salt]), 'buffer');
  const block = Buffer.concat([Buffer.alloc(190), Buffer.of(1), salt]);
  let mask = Buffer.alloc(0);
  for (let i = 0; mask.length < block.length; i++) {
    const seed = Buffer.concat([hashed, Buffer.of(0, 0, 0, i)]);
    mask = Buffer.concat([mask, hash(masking, seed, 'buffer')]);
  }
  const masked = block.map((byte, at) => byte ^ (mask[at] ?? 0));
  masked[0] = (masked[0] ?? 0) & 0x7f;
  return Buffer.concat([masked, hashed, Buffer.of(0xbc)]);
}
