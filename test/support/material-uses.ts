import {
  constants,
  createCipheriv,
  createHash,
  createHmac,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  verify,
} from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import type { MaterialKind, MaterialSpec } from '../../hsm/index';
import type { Material } from './materials';
import type { TokenObjects } from './token-objects';

type Handle = Buffer;
type Proof = (objects: TokenObjects, object: Handle, material: Material) => void;

const curves: Partial<Record<MaterialSpec, { node: string; bytes: number; hash: string }>> = {
  ECC_NIST_P256: { node: 'prime256v1', bytes: 32, hash: 'sha256' },
  ECC_NIST_P384: { node: 'secp384r1', bytes: 48, hash: 'sha384' },
  ECC_NIST_P521: { node: 'secp521r1', bytes: 66, hash: 'sha512' },
  ECC_SECG_P256K1: { node: 'secp256k1', bytes: 32, hash: 'sha256' },
};

const macs: Partial<Record<MaterialSpec, { mechanism: number; hash: string }>> = {
  HMAC_224: { mechanism: pkcs11.CKM_SHA224_HMAC, hash: 'sha224' },
  HMAC_256: { mechanism: pkcs11.CKM_SHA256_HMAC, hash: 'sha256' },
  HMAC_384: { mechanism: pkcs11.CKM_SHA384_HMAC, hash: 'sha384' },
  HMAC_512: { mechanism: pkcs11.CKM_SHA512_HMAC, hash: 'sha512' },
};

/** OpenSSL opens what the token sealed, and the other way round. */
const proveAes: Proof = (objects, object, { bytes }) => {
  const iv = randomBytes(12);
  const plaintext = randomBytes(48);
  const mechanism = {
    mechanism: pkcs11.CKM_AES_GCM,
    parameter: {
      type: pkcs11.CK_PARAMS_AES_GCM_v240,
      iv,
      ivBits: 96,
      aad: Buffer.from('aad'),
      tagBits: 128,
    },
  };
  const cipher = createCipheriv('aes-256-gcm', bytes, iv).setAAD(Buffer.from('aad'));
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  expect(objects.encrypt(object, mechanism, plaintext)).toEqual(sealed);
  expect(objects.decrypt(object, mechanism, sealed)).toEqual(plaintext);
};

const proveMac: Proof = (objects, object, { bytes, kind }) => {
  const { mechanism, hash } = required(macs[kind.spec]);
  const data = randomBytes(20);
  expect(objects.sign(object, { mechanism }, data)).toEqual(
    createHmac(hash, bytes).update(data).digest(),
  );
};

const digestInfo = Buffer.from('3031300d060960864801650304020105000420', 'hex');

const proveRsaSignature: Proof = (objects, object, { publicKey }) => {
  const data = randomBytes(20);
  const info = Buffer.concat([digestInfo, createHash('sha256').update(data).digest()]);
  const signature = objects.sign(object, { mechanism: pkcs11.CKM_RSA_PKCS }, info);
  expect(verify('sha256', data, required(publicKey), signature)).toBe(true);
};

const proveRsaDecryption: Proof = (objects, object, { publicKey }) => {
  const plaintext = randomBytes(20);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const sealed = publicEncrypt({ key: required(publicKey), padding, oaepHash: 'sha1' }, plaintext);
  const mechanism = {
    mechanism: pkcs11.CKM_RSA_PKCS_OAEP,
    parameter: {
      type: pkcs11.CK_PARAMS_RSA_OAEP,
      hashAlg: pkcs11.CKM_SHA_1,
      mgf: pkcs11.CKG_MGF1_SHA1,
      source: 1,
    },
  };
  expect(objects.decrypt(object, mechanism, sealed)).toEqual(plaintext);
};

const proveEcSignature: Proof = (objects, object, { publicKey, kind }) => {
  const { hash } = required(curves[kind.spec]);
  const data = randomBytes(20);
  const digest = createHash(hash).update(data).digest();
  const signature = objects.sign(object, { mechanism: pkcs11.CKM_ECDSA }, digest);
  const key = { key: required(publicKey), dsaEncoding: 'ieee-p1363' } as const;
  expect(verify(hash, data, key, signature)).toBe(true);
};

const proveAgreement: Proof = (objects, object, { publicKey, kind }) => {
  const { node, bytes } = required(curves[kind.spec]);
  const peer = generateKeyPairSync('ec', { namedCurve: node });
  const shared = diffieHellman({ privateKey: peer.privateKey, publicKey: required(publicKey) });
  expect(objects.agree(object, pointOf(peer.publicKey), bytes)).toEqual(shared);
};

function pointOf(publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const coordinates = [x, y].map((one) => Buffer.from(one, 'base64url'));
  return Buffer.concat([Buffer.of(4), ...coordinates]);
}

const secretUses = {
  encrypt: pkcs11.CKA_ENCRYPT,
  decrypt: pkcs11.CKA_DECRYPT,
  sign: pkcs11.CKA_SIGN,
  verify: pkcs11.CKA_VERIFY,
  wrap: pkcs11.CKA_WRAP,
  unwrap: pkcs11.CKA_UNWRAP,
  derive: pkcs11.CKA_DERIVE,
};
const privateUses = {
  decrypt: pkcs11.CKA_DECRYPT,
  sign: pkcs11.CKA_SIGN,
  signRecover: pkcs11.CKA_SIGN_RECOVER,
  unwrap: pkcs11.CKA_UNWRAP,
  derive: pkcs11.CKA_DERIVE,
};

interface Row {
  readonly uses: Readonly<Record<string, number>>;
  readonly allowed: readonly string[];
  readonly prove: Proof;
}

const rows: ReadonlyArray<readonly [RegExp, MaterialKind['usage'], Row]> = [
  [
    /^SYM/,
    'ENCRYPT_DECRYPT',
    { uses: secretUses, allowed: ['encrypt', 'decrypt'], prove: proveAes },
  ],
  [
    /^HMAC/,
    'GENERATE_VERIFY_MAC',
    { uses: secretUses, allowed: ['sign', 'verify'], prove: proveMac },
  ],
  [
    /^RSA/,
    'ENCRYPT_DECRYPT',
    { uses: privateUses, allowed: ['decrypt'], prove: proveRsaDecryption },
  ],
  [/^RSA/, 'SIGN_VERIFY', { uses: privateUses, allowed: ['sign'], prove: proveRsaSignature }],
  [/^ECC/, 'SIGN_VERIFY', { uses: privateUses, allowed: ['sign'], prove: proveEcSignature }],
  [/^ECC/, 'KEY_AGREEMENT', { uses: privateUses, allowed: ['derive'], prove: proveAgreement }],
];

function rowOf(kind: MaterialKind): Row {
  return required(rows.find(([spec, usage]) => spec.test(kind.spec) && usage === kind.usage))[2];
}

/** Unwraps to a session object with the one use of its kind. */
export function provableTemplate(kind: MaterialKind): pkcs11.Attribute[] {
  const { uses, allowed } = rowOf(kind);
  const [family = ''] = kind.spec.split('_');
  const classes: Readonly<Record<string, readonly [number, number]>> = {
    SYMMETRIC: [pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES],
    HMAC: [pkcs11.CKO_SECRET_KEY, pkcs11.CKK_GENERIC_SECRET],
    RSA: [pkcs11.CKO_PRIVATE_KEY, pkcs11.CKK_RSA],
    ECC: [pkcs11.CKO_PRIVATE_KEY, pkcs11.CKK_EC],
  };
  const [objectClass, keyType] = required(classes[family]);
  return [
    { type: pkcs11.CKA_TOKEN, value: false },
    { type: pkcs11.CKA_CLASS, value: objectClass },
    { type: pkcs11.CKA_KEY_TYPE, value: keyType },
    { type: pkcs11.CKA_SENSITIVE, value: true },
    { type: pkcs11.CKA_EXTRACTABLE, value: false },
    ...allowed.map((use) => ({ type: required(uses[use]), value: true })),
  ];
}

/** The object does what the material does outside of the token. */
export function proveSameKey(objects: TokenObjects, object: Handle, material: Material): void {
  rowOf(material.kind).prove(objects, object, material);
}

/** The token object does what the material does outside of the token, and is allowed nothing else. */
export function expectSameKey(objects: TokenObjects, object: Handle, material: Material): void {
  const { uses, allowed, prove } = rowOf(material.kind);
  prove(objects, object, material);
  expect(objects.flags(object, uses)).toEqual(
    Object.fromEntries(Object.keys(uses).map((use) => [use, allowed.includes(use)])),
  );
  const protection = {
    private: pkcs11.CKA_PRIVATE,
    sensitive: pkcs11.CKA_SENSITIVE,
    extractable: pkcs11.CKA_EXTRACTABLE,
    token: pkcs11.CKA_TOKEN,
  };
  expect(objects.flags(object, protection)).toEqual({
    private: true,
    sensitive: true,
    extractable: false,
    token: true,
  });
  const secret = material.kind.spec.startsWith('RSA_')
    ? pkcs11.CKA_PRIVATE_EXPONENT
    : pkcs11.CKA_VALUE;
  expect(() => objects.read(object, secret)).toThrow('CKR_ATTRIBUTE_SENSITIVE');
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the test material lacks it');
  return value;
}
