import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
  randomBytes,
  verify,
} from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { openToken, type MaterialKind, type MaterialSpec, type Token } from '../../hsm/index';
import { rsaTestKeys } from '../../hsm/known-answers/rsa-test-keys';
import { wrappableMaterial } from '../../hsm/material/templates';
import { importedWrappingKey } from '../../hsm/templates';
import { generateWrappedAes } from '../support/generated-keys';
import { intruder, type Intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

let hsm: SoftHsm;
let token: Token;
let other: Intruder;
/** Of a wrapping key whose value the test knows, and of one that the token generated. */
const [known, secret] = [randomBytes(32), randomBytes(32)].map((id) => id.toString('hex')) as [
  string,
  string,
];
const knownValue = randomBytes(32);

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm));
  other = intruder(hsm);
  const key = { id: Buffer.from(known, 'hex'), label: '', modifiable: true, exportable: false };
  other.create([...importedWrappingKey(key), { type: pkcs11.CKA_VALUE, value: knownValue }]);
  await token.createWrappingKey(secret, 'claviger:wrapping', { exportable: false });
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

/** RFC 5649 as OpenSSL does it. */
function wrap(material: Buffer): Buffer {
  const cipher = createCipheriv('id-aes256-wrap-pad', knownValue, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([cipher.update(material), cipher.final()]);
}

function kind(spec: MaterialSpec, usage: MaterialKind['usage']): MaterialKind {
  return { spec, usage };
}

/** Wraps it under the known key, lets the token wrap it under its own, and hands out what that unwraps to. */
async function rewrapped(
  material: Buffer,
  what: MaterialKind,
  use: readonly number[],
): Promise<Buffer> {
  const blob = wrap(material);
  const moved = await token.rewrap({ wrappingKeyId: known, blob }, what, secret);
  expect(moved.wrappingKeyId).toBe(secret);
  expect(moved.blob).not.toEqual(blob);
  expect(other.all({ token: false })).toHaveLength(0);
  const changed: ReadonlyMap<number, boolean> = new Map([
    [pkcs11.CKA_SENSITIVE, false],
    ...use.map((flag) => [flag, true] as const),
  ]);
  const template = wrappableMaterial(what).map(({ type, value }) => ({
    type,
    value: changed.get(type) ?? value,
  }));
  return other.unwrap(secret, moved.blob, template);
}

describe('rewrapped material is the same as before', () => {
  let object: Buffer | undefined;

  afterEach(() => {
    other.destroy(object);
  });

  test('of an AES key', async () => {
    const material = randomBytes(32);
    object = await rewrapped(material, kind('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'), []);
    expect(other.read(object, pkcs11.CKA_VALUE)).toEqual(material);
  });

  test.each([
    ['HMAC_224', 'sha224', pkcs11.CKM_SHA224_HMAC, 28],
    ['HMAC_256', 'sha256', pkcs11.CKM_SHA256_HMAC, 32],
    ['HMAC_256', 'sha256', pkcs11.CKM_SHA256_HMAC, 61],
    ['HMAC_384', 'sha384', pkcs11.CKM_SHA384_HMAC, 48],
    ['HMAC_512', 'sha512', pkcs11.CKM_SHA512_HMAC, 64],
    ['HMAC_512', 'sha512', pkcs11.CKM_SHA512_HMAC, 127],
  ] as const)('of an %s key: %s, mechanism %i, %i bytes', async (spec, hash, mechanism, length) => {
    const material = randomBytes(length);
    const what = kind(spec, 'GENERATE_VERIFY_MAC');
    object = await rewrapped(material, what, [pkcs11.CKA_SIGN]);
    const message = randomBytes(100);
    expect(other.sign(object, mechanism, message)).toEqual(
      createHmac(hash, material).update(message).digest(),
    );
  });

  test.each([
    ['RSA_2048', 2048],
    ['RSA_3072', 3072],
    ['RSA_4096', 4096],
  ] as const)('of an %s key', async (spec, bits) => {
    const material = rsaMaterial(bits);
    const publicKey = createPublicKey(
      createPrivateKey({ key: material, format: 'der', type: 'pkcs8' }),
    );
    object = await rewrapped(material, kind(spec, 'SIGN_VERIFY'), [pkcs11.CKA_SIGN]);
    const digestInfo = Buffer.from('3031300d060960864801650304020105000420', 'hex');
    const message = randomBytes(100);
    const digest = createHash('sha256').update(message).digest();
    const data = Buffer.concat([digestInfo, digest]);
    const signature = other.sign(object, pkcs11.CKM_RSA_PKCS, data);
    expect(verify('sha256', message, publicKey, signature)).toBe(true);
  });

  test.each([
    ['ECC_NIST_P256', 'prime256v1', 'SIGN_VERIFY'],
    ['ECC_NIST_P256', 'prime256v1', 'KEY_AGREEMENT'],
    ['ECC_NIST_P384', 'secp384r1', 'SIGN_VERIFY'],
    ['ECC_NIST_P521', 'secp521r1', 'SIGN_VERIFY'],
    ['ECC_SECG_P256K1', 'secp256k1', 'SIGN_VERIFY'],
  ] as const)('of an %s key on %s for %s', async (spec, namedCurve, usage) => {
    const pair = newEcKey(namedCurve);
    object = await rewrapped(pkcs8(pair.privateKey), kind(spec, usage), [pkcs11.CKA_SIGN]);
    const message = randomBytes(100);
    const digest = createHash('sha256').update(message).digest();
    const signature = other.sign(object, pkcs11.CKM_ECDSA, digest);
    const key = { key: pair.publicKey, dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha256', message, key, signature)).toBe(true);
  });
});

function pkcs8(key: KeyObject): Buffer {
  return key.export({ type: 'pkcs8', format: 'der' });
}

/** Generating one takes seconds. */
function rsaMaterial(bits: number): Buffer {
  return Buffer.from(rsaTestKeys.get(bits) ?? '', 'base64');
}

function newEcKey(namedCurve = 'prime256v1'): KeyPairKeyObjectResult {
  return generateKeyPairSync('ec', { namedCurve });
}

describe('rewrapping', () => {
  test('keeps what was sealed before readable', async () => {
    const wrapped = await generateWrappedAes(token, secret);
    const [before, after] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
    const aad = Buffer.from('context');
    const sealed = await token.encryptAesGcm({ id: before, wrapped }, aad, Buffer.from('text'));
    const moved = await token.rewrap(wrapped, kind('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'), known);
    const opened = await token.decryptAesGcm({ id: after, wrapped: moved }, { ...sealed, aad });
    expect(opened.toString()).toBe('text');
  });

  test.each([
    ['RSA_2048', 'ECC_NIST_P256'],
    ['ECC_NIST_P256', 'RSA_2048'],
  ] as const)('of %s material is refused for a key called %s', async (is, called) => {
    const blob = wrap(is === 'RSA_2048' ? rsaMaterial(2048) : pkcs8(newEcKey().privateKey));
    const material = { wrappingKeyId: known, blob };
    const rewrapping = token.rewrap(material, kind(called, 'SIGN_VERIFY'), secret);
    await expect(rewrapping).rejects.toMatchObject({
      code: 'material-invalid',
      message: 'C_UnwrapKey: CKR_FUNCTION_FAILED',
    });
  });

  test('of a shorter AES key is refused', async () => {
    const material = { wrappingKeyId: known, blob: wrap(randomBytes(16)) };
    const what = kind('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT');
    await expect(token.rewrap(material, what, secret)).rejects.toMatchObject({
      code: 'material-invalid',
      message: 'C_UnwrapKey: wrapped material of this length is no AES-256 key',
    });
  });

  test('names the wrapping key that is missing', async () => {
    const what = kind('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT');
    const missing = randomBytes(32).toString('hex');
    const refusal = { code: 'key-not-found', message: `C_FindObjects: no wrapping key ${missing}` };
    const wrapped = await generateWrappedAes(token, secret);
    await expect(token.rewrap(wrapped, what, missing)).rejects.toMatchObject(refusal);
    const lost = { ...wrapped, wrappingKeyId: missing };
    await expect(token.rewrap(lost, what, secret)).rejects.toMatchObject(refusal);
  });
});
