import { createHash, randomBytes } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { openToken, type MaterialKey, type MaterialKind, type Token } from '../../hsm/index';
import { intruder, type Intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';
import { encryptedTo, kinds, makeKey, newId, signs, type UsedKey } from '../support/used-keys';

let hsm: SoftHsm;
let token: Token;
let other: Intruder;
const wrappingKeyId = newId();

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm));
  other = intruder(hsm);
  await token.createWrappingKey(wrappingKeyId, 'claviger:wrapping', { exportable: false });
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

const digest = createHash('sha256').update('x').digest();
const point = Buffer.from(
  '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296' +
    '4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
  'hex',
);

const uses: Readonly<Record<string, (key: MaterialKey) => unknown>> = {
  'AES encryption': (key) => token.encryptAesGcm(key, Buffer.alloc(0), Buffer.of(1)),
  'a MAC': (key) => token.mac({ ...key, kind: kinds.hmac }, Buffer.of(1)),
  'an RSA signature': (key) =>
    token.sign({ ...key, kind: kinds.rsa }, { algorithm: 'RSASSA_PSS_SHA_256', input: digest }),
  'a P-256 signature': (key) =>
    token.sign({ ...key, kind: kinds.p256 }, { algorithm: 'ECDSA_SHA_256', input: digest }),
  'a secp256k1 signature': (key) =>
    token.sign({ ...key, kind: kinds.secp256k1 }, { algorithm: 'ECDSA_SHA_256', input: digest }),
  'an Ed25519 signature': (key) =>
    token.sign({ ...key, kind: kinds.ed25519 }, { algorithm: 'ED25519_SHA_512', input: digest }),
  'RSA decryption': (key) =>
    token.decryptOaep(
      { ...key, kind: kinds.rsaDecryption },
      'RSAES_OAEP_SHA_256',
      Buffer.alloc(256, 1),
    ),
  'key agreement': (key) => token.agree({ ...key, kind: kinds.p256Agreement }, point),
};

/** What is refused at once is refused as what is refused later. */
const later = async (use: () => unknown): Promise<unknown> => await use();
const used = (name: string, key: MaterialKey): Promise<unknown> => later(() => uses[name]?.(key));

/** What is right for a kind; `rsaDecryption` is left out, whose ciphertext here is none. */
const right: Readonly<Record<string, string>> = {
  aes: 'AES encryption',
  hmac: 'a MAC',
  rsa: 'an RSA signature',
  p256: 'a P-256 signature',
  secp256k1: 'a secp256k1 signature',
  ed25519: 'an Ed25519 signature',
  p256Agreement: 'key agreement',
};

const all = Object.entries(kinds).filter(([name]) => name !== 'p384');

test.each(all)(
  'a resident %s key is used as what it is, and as nothing else',
  async (name, kind) => {
    const key = await makeKey(token, kind);
    for (const use of Object.keys(uses).filter((one) => one !== right[name])) {
      if (name === 'rsaDecryption' && use === 'RSA decryption') continue;
      token.evict(key.id);
      await expect(used(use, key)).rejects.toMatchObject({
        name: 'HsmError',
        code: 'key-not-found',
        message: expect.stringMatching(
          /^C_FindObjects: no such key$|^C_GetAttributeValue: the key is no \w+ for \w+$/,
        ) as unknown,
      });
    }
    const use = right[name];
    if (use !== undefined) await used(use, key);
    // Cached by now, and no less guarded for that.
    for (const wrong of Object.keys(uses).filter((one) => one !== use && use !== undefined)) {
      await expect(used(wrong, key)).rejects.toMatchObject({ code: 'key-not-found' });
    }
  },
);

/** Of wrapped material, the wrapping tells nothing but the length. */
const misread: ReadonlyArray<readonly [string, MaterialKind, string]> = [
  ['an RSA key as one for P-256', kinds.rsa, 'a P-256 signature'],
  ['a P-256 key as one for secp256k1', kinds.p256, 'a secp256k1 signature'],
  ['a P-256 key as one for RSA', kinds.p256, 'an RSA signature'],
  ['a P-256 key as one for Ed25519', kinds.p256, 'an Ed25519 signature'],
  ['an HMAC key as one for RSA', kinds.hmac, 'an RSA signature'],
  ['a P-256 key as one for AES', kinds.p256, 'AES encryption'],
];

test.each(misread)('wrapped material never passes %s', async (_name, kind, use) => {
  const key = await makeKey(token, kind, wrappingKeyId);
  await expect(used(use, key)).rejects.toMatchObject({ code: 'material-invalid' });
  expect(other.find(key.id, { token: false })).toEqual([]);
});

test('a pair of an import neither signs nor decrypts what is not an import', async () => {
  const id = newId();
  await token.generateImportKeyPair(id, 'claviger:import', { bits: 2048 });
  const key = { id, wrapped: undefined, kind: kinds.rsa };
  await expect(used('an RSA signature', key)).rejects.toMatchObject({
    code: 'key-not-found',
    message: 'C_GetAttributeValue: the key is no RSA_2048 for SIGN_VERIFY',
  });
  await expect(used('RSA decryption', key)).rejects.toMatchObject({
    code: 'key-not-found',
    message: 'C_GetAttributeValue: the key is no RSA_2048 for ENCRYPT_DECRYPT',
  });
});

test('a KMS key that decrypts is no pair for imports', async () => {
  const key = await makeKey(token, kinds.rsaDecryption);
  await expect(
    token.identifyImport({
      importKeyId: key.id,
      algorithm: 'RSAES_OAEP_SHA_1',
      encrypted: encryptedTo(key, Buffer.alloc(32)),
      kind: kinds.aes,
      keyId: 'x',
    }),
  ).rejects.toMatchObject({
    code: 'key-not-found',
    message: 'C_FindObjects: no import key pair',
  });
});

test('a wrapping key is not used to encrypt', async () => {
  const key = { id: wrappingKeyId, wrapped: undefined, kind: kinds.aes };
  await expect(used('AES encryption', key)).rejects.toMatchObject({
    code: 'key-not-found',
    message: 'C_GetAttributeValue: the key is no SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT',
  });
});

test('an RSA key of another size is not the key', async () => {
  const id = newId();
  await token.generateKey({ spec: 'RSA_3072', usage: 'SIGN_VERIFY' }, { id, label: 'x' });
  const key = { id, wrapped: undefined, kind: kinds.rsa };
  await expect(used('an RSA signature', key)).rejects.toMatchObject({
    code: 'key-not-found',
    message: 'C_GetAttributeValue: the key is no RSA_2048 for SIGN_VERIFY',
  });
});

const privateKey = (id: string): pkcs11.Attribute[] => [
  { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PRIVATE_KEY },
  { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_EC },
  { type: pkcs11.CKA_TOKEN, value: true },
  { type: pkcs11.CKA_PRIVATE, value: true },
  { type: pkcs11.CKA_SENSITIVE, value: true },
  { type: pkcs11.CKA_EXTRACTABLE, value: false },
  { type: pkcs11.CKA_SIGN, value: true },
  { type: pkcs11.CKA_EC_PARAMS, value: Buffer.from('06082a8648ce3d030107', 'hex') },
  { type: pkcs11.CKA_VALUE, value: randomBytes(32) },
  { type: pkcs11.CKA_ID, value: Buffer.from(id, 'hex') },
];

test('two private keys of one id are noticed, and neither is used', async () => {
  const key: UsedKey = await makeKey(token, kinds.p256);
  expect(await signs(token, key)).toBe(true);
  const second = other.create(privateKey(key.id));
  token.evict(key.id);
  await token.recover();
  other = intruder(hsm);
  await expect(signs(token, key)).rejects.toMatchObject({
    code: 'duplicate-key',
    message: `C_FindObjects: two keys have CKA_ID ${key.id}`,
  });
  expect(second).toBeDefined();
  await token.destroyKeyPair(key.id);
  expect(other.find(key.id)).toEqual([]);
});

test('two private keys of one id are listed as two, and the halves of a pair as one', async () => {
  const key = await makeKey(token, kinds.p256);
  const listed = async () => (await token.listObjects('')).filter(({ id }) => id === key.id);
  expect(await listed()).toMatchObject([{ kind: 'key-pair' }]);
  other.create(privateKey(key.id));
  expect(await listed()).toMatchObject([{ kind: 'key-pair' }, { kind: 'key-pair' }]);
  await token.destroyKeyPair(key.id);
  expect(await listed()).toEqual([]);
});

test('a secret key and a private key of one id do not stand in for each other', async () => {
  const key = await makeKey(token, kinds.p256);
  await token.generateKey(kinds.hmac, { id: key.id, label: 'x' });
  expect(await signs(token, key)).toBe(true);
  token.evict(key.id);
  await used('a MAC', key);
  token.evict(key.id);
  expect(await signs(token, key)).toBe(true);
});

test.each<[string, (key: MaterialKey) => unknown, string]>([
  [
    'a digest of another length',
    (key) => token.sign(key, { algorithm: 'ECDSA_SHA_256', input: Buffer.alloc(48) }),
    'ECDSA_SHA_256: the input must be of 32 bytes',
  ],
  [
    'an empty message',
    (key) =>
      token.sign(
        { ...key, kind: kinds.ed25519 },
        { algorithm: 'ED25519_SHA_512', input: Buffer.alloc(0) },
      ),
    'ED25519_SHA_512: the input must be 1 byte or more',
  ],
  [
    'an algorithm of other keys',
    (key) => token.sign(key, { algorithm: 'RSASSA_PSS_SHA_256', input: digest }),
    'RSASSA_PSS_SHA_256 is no algorithm of ECC_NIST_P256 keys',
  ],
  ['a MAC', (key) => token.mac(key, Buffer.of(1)), 'HMAC is no algorithm of ECC_NIST_P256 keys'],
  [
    'another usage',
    (key) => token.agree(key, point),
    'keys of SIGN_VERIFY are not for KEY_AGREEMENT',
  ],
  [
    'a point of another curve',
    (key) => token.agree({ ...key, kind: kinds.p256Agreement }, Buffer.alloc(97, 4)),
    'C_DeriveKey: the peer must be an uncompressed point of P-256',
  ],
  [
    'a usage that the spec does not have',
    (key) => token.mac({ ...key, kind: { ...kinds.p256, usage: 'GENERATE_VERIFY_MAC' } }, point),
    'no ECC_NIST_P256 key is for GENERATE_VERIFY_MAC',
  ],
])('%s is a mistake of the caller', async (_name, use, message) => {
  const key = { id: newId(), wrapped: undefined, kind: kinds.p256 };
  await expect(later(() => use(key))).rejects.toMatchObject({ code: 'failed', message });
});
