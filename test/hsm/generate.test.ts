import {
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { openToken, type MaterialKind, type MaterialSpec, type Token } from '../../hsm/index';
import { importedWrappingKey } from '../../hsm/templates';
import { intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { type TokenObjects, tokenObjects } from '../support/token-objects';
import { tokenOptions } from '../support/token-options';

let hsm: SoftHsm;
let token: Token;
let objects: TokenObjects;
const newId = (): string => randomBytes(32).toString('hex');
/** Of a wrapping key whose value the test knows. */
const known = newId();
const knownValue = randomBytes(32);

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm));
  objects = tokenObjects(hsm);
  const key = { id: Buffer.from(known, 'hex'), label: '', modifiable: true, exportable: false };
  const value = { type: pkcs11.CKA_VALUE, value: knownValue };
  intruder(hsm).create([...importedWrappingKey(key), value]);
});
afterAll(async () => {
  await token.close();
  await hsm.remove();
});

const secrets: readonly MaterialKind[] = [
  { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' },
  ...(['HMAC_224', 'HMAC_256', 'HMAC_384', 'HMAC_512'] as const).map((spec) => ({
    spec,
    usage: 'GENERATE_VERIFY_MAC' as const,
  })),
];

const curves = ['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521'] as const;

/** One RSA-4096 key: generating one takes seconds. */
const pairs: readonly MaterialKind[] = [
  { spec: 'RSA_2048', usage: 'ENCRYPT_DECRYPT' },
  { spec: 'RSA_2048', usage: 'SIGN_VERIFY' },
  { spec: 'RSA_3072', usage: 'SIGN_VERIFY' },
  ...curves.map((spec) => ({ spec, usage: 'SIGN_VERIFY' as const })),
  ...curves.map((spec) => ({ spec, usage: 'KEY_AGREEMENT' as const })),
  { spec: 'ECC_SECG_P256K1', usage: 'SIGN_VERIFY' },
  { spec: 'ECC_NIST_EDWARDS25519', usage: 'SIGN_VERIFY' },
];

const uses = {
  encrypt: pkcs11.CKA_ENCRYPT,
  decrypt: pkcs11.CKA_DECRYPT,
  sign: pkcs11.CKA_SIGN,
  verify: pkcs11.CKA_VERIFY,
  wrap: pkcs11.CKA_WRAP,
  unwrap: pkcs11.CKA_UNWRAP,
  derive: pkcs11.CKA_DERIVE,
};

/** The uses that a key may have, secret or private, by what it is for. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'secret ENCRYPT_DECRYPT': ['encrypt', 'decrypt'],
  'secret GENERATE_VERIFY_MAC': ['sign', 'verify'],
  'private ENCRYPT_DECRYPT': ['decrypt'],
  'private SIGN_VERIFY': ['sign'],
  'private KEY_AGREEMENT': ['derive'],
};
const secretUses = Object.entries(uses);
const privateUses = secretUses.filter(([name]) => !['encrypt', 'verify', 'wrap'].includes(name));

interface Details {
  readonly type: string;
  readonly details: Readonly<Record<string, unknown>>;
}

const rsa = (modulusLength: number): Details => ({
  type: 'rsa',
  details: { modulusLength, publicExponent: 65537n },
});
const ec = (namedCurve: string): Details => ({ type: 'ec', details: { namedCurve } });

const publicKeys: Readonly<Partial<Record<MaterialSpec, Details>>> = {
  RSA_2048: rsa(2048),
  RSA_3072: rsa(3072),
  RSA_4096: rsa(4096),
  ECC_NIST_P256: ec('prime256v1'),
  ECC_NIST_P384: ec('secp384r1'),
  ECC_NIST_P521: ec('secp521r1'),
  ECC_SECG_P256K1: ec('secp256k1'),
  ECC_NIST_EDWARDS25519: { type: 'ed25519', details: {} },
};

function detailsOf(publicKey: Buffer | undefined): Details {
  const key = spki(publicKey);
  return { type: key.asymmetricKeyType ?? '', details: { ...key.asymmetricKeyDetails } };
}

function spki(publicKey: Buffer | undefined): KeyObject {
  return createPublicKey({ key: publicKey ?? Buffer.alloc(0), format: 'der', type: 'spki' });
}

/** What protects the one object of this id, and what it may do. */
function protection(id: string, kind: MaterialKind): Record<string, boolean> {
  const all = secrets.includes(kind) ? secretUses : privateUses;
  return objects.flags(objects.one(id), {
    token: pkcs11.CKA_TOKEN,
    private: pkcs11.CKA_PRIVATE,
    sensitive: pkcs11.CKA_SENSITIVE,
    neverExtractable: pkcs11.CKA_NEVER_EXTRACTABLE,
    extractable: pkcs11.CKA_EXTRACTABLE,
    ...Object.fromEntries(all),
  });
}

function wantedProtection(kind: MaterialKind): Record<string, boolean> {
  const isSecret = secrets.includes(kind);
  const uses = allowed[`${isSecret ? 'secret' : 'private'} ${kind.usage}`] ?? [];
  const all = isSecret ? secretUses : privateUses;
  return {
    ...{ token: true, private: true, sensitive: true, neverExtractable: true, extractable: false },
    ...Object.fromEntries(all.map(([name]) => [name, uses.includes(name)])),
  };
}

describe('a resident key is protected, and good for its usage only', () => {
  test.each([...secrets, ...pairs])('$spec for $usage', async (kind) => {
    const id = newId();
    const { publicKey } = await token.generateKey(kind, { id, label: 'claviger:key:test' });
    expect(protection(id, kind)).toEqual(wantedProtection(kind));
    expect(objects.read(objects.one(id), pkcs11.CKA_LABEL).toString()).toBe('claviger:key:test');
    expect(objects.sessionObjects()).toEqual([]);
    if (secrets.includes(kind)) expect(publicKey).toBeUndefined();
    else expect(detailsOf(publicKey)).toEqual(publicKeys[kind.spec]);
  });

  test('RSA_4096 for SIGN_VERIFY, whose public half no object of the token has', async () => {
    const id = newId();
    const kind: MaterialKind = { spec: 'RSA_4096', usage: 'SIGN_VERIFY' };
    const { publicKey } = await token.generateKey(kind, { id, label: 'claviger:key:test' });
    expect(protection(id, kind)).toEqual(wantedProtection(kind));
    expect(detailsOf(publicKey)).toEqual(publicKeys.RSA_4096);
  });
});

/** RFC 5649 as OpenSSL undoes it. */
function unwrapped(blob: Buffer): Buffer {
  const iv = Buffer.from('a65959a6', 'hex');
  const decipher = createDecipheriv('id-aes256-wrap-pad', knownValue, iv);
  return Buffer.concat([decipher.update(blob), decipher.final()]);
}

const bytes: Readonly<Partial<Record<MaterialSpec, number>>> = {
  SYMMETRIC_DEFAULT: 32,
  HMAC_224: 28,
  HMAC_256: 32,
  HMAC_384: 48,
  HMAC_512: 64,
};

/** SoftHSM 2.6.1 wraps no Ed25519 key. */
const wrappable = pairs.filter(({ spec }) => spec !== 'ECC_NIST_EDWARDS25519');

test('a key that the token does not wrap is refused by the name of what it lacks', async () => {
  const kind: MaterialKind = { spec: 'ECC_NIST_EDWARDS25519', usage: 'SIGN_VERIFY' };
  await expect(token.generateWrappedKey(kind, known)).rejects.toMatchObject({
    code: 'mechanism-missing',
    message:
      'the token lacks CKM_AES_KEY_WRAP_PAD of ECC_NIST_EDWARDS25519 keys (C_WrapKey: CKR_KEY_NOT_WRAPPABLE)',
  });
  expect(objects.sessionObjects()).toEqual([]);
});

describe('what OpenSSL unwraps of a wrapped key', () => {
  test.each(secrets)('is as many random bytes as $spec has, and zeros', async (kind) => {
    const { wrapped, publicKey } = await token.generateWrappedKey(kind, known);
    expect([wrapped.wrappingKeyId, publicKey]).toEqual([known, undefined]);
    const value = unwrapped(wrapped.blob);
    const length = bytes[kind.spec] ?? 0;
    expect(value).toHaveLength(Math.ceil(length / 8) * 8);
    expect(value.subarray(length)).toEqual(Buffer.alloc(value.length - length));
    expect(value.subarray(0, length)).not.toEqual(Buffer.alloc(length));
    expect(objects.sessionObjects()).toEqual([]);
  });

  test.each(wrappable)(
    'is the private half of the public key of $spec for $usage',
    async (kind) => {
      const { wrapped, publicKey } = await token.generateWrappedKey(kind, known);
      const key = createPrivateKey({ key: unwrapped(wrapped.blob), format: 'der', type: 'pkcs8' });
      const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
      expect(publicKey).toEqual(der);
      expect(detailsOf(publicKey)).toEqual(publicKeys[kind.spec]);
      expect(objects.sessionObjects()).toEqual([]);
    },
  );
});
