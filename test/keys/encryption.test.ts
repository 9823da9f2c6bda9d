import {
  type KeyObject,
  constants,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';
import type { RsaEncryptionAlgorithm } from '../../hsm';
import { Encryption, requireEncryptionWith } from '../../src/keys/encryption';
import type { Key } from '../../src/keys/key';
import { MaterialUses } from '../../src/keys/material-use';
import type { KeySpec } from '../../src/shapes/kms.generated';
import { keyWith, materialId, materialsOf } from '../support/sample-keys';

const hashOf = { RSAES_OAEP_SHA_1: 'sha1', RSAES_OAEP_SHA_256: 'sha256' } as const;
const algorithms = ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] as const;
const padding = constants.RSA_PKCS1_OAEP_PADDING;
const plaintext = Buffer.from('attack at dawn');
const refusal = (code: string, message: string): Error =>
  expect.objectContaining({ code, message }) as Error;
const invalid = { code: 'InvalidCiphertextException', message: '' };

let privateKey: KeyObject;
let publicKey: KeyObject;
let key: Key;
/** What the token was asked. */
const asked: unknown[] = [];

/** In place of the token: the private half by OpenSSL. The token's own is proven in test/hsm and test/conformance. */
const privateHalf = {
  decryptOaep: (
    { id, kind }: { readonly id: string; readonly kind: unknown },
    algorithm: RsaEncryptionAlgorithm,
    ciphertext: Buffer,
  ): Buffer => {
    asked.push({ id, kind, algorithm });
    return privateDecrypt({ key: privateKey, padding, oaepHash: hashOf[algorithm] }, ciphertext);
  },
};
const use = { context: undefined, about: notAbout };
function notAbout(): never {
  throw new Error('no proxy is told of it');
}
const notAsked = (): Promise<never> => Promise.reject(new Error('no key here is symmetric'));
const encryption = new Encryption({
  keyring: { encrypt: notAsked, decrypt: notAsked },
  external: { encrypt: notAsked, decrypt: notAsked },
  token: privateHalf,
  materialUses: new MaterialUses({ reread: () => Promise.resolve(undefined) }),
});

beforeAll(() => {
  ({ privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 }));
  key = rsaKey();
});
beforeEach(() => void (asked.length = 0));

function rsaKey(different: Partial<Key> = {}): Key {
  const { currentMaterial } = materialsOf([materialId]);
  if (currentMaterial === undefined) throw new Error('there is a material');
  const der = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const material = { ...currentMaterial, publicKey: der };
  return keyWith({
    ...{ keySpec: 'RSA_2048', currentMaterial: material },
    materials: new Map([[materialId, material]]),
    ...different,
  });
}

test.each(algorithms)('what a key encrypts by %s its private half opens', async (algorithm) => {
  const sealed = await encryption.by(algorithm).encrypt(key, plaintext, use);
  expect(sealed).toEqual({ blob: expect.any(Buffer) as Buffer, keyMaterialId: undefined });
  expect(sealed.blob).toHaveLength(256);
  const oaepHash = hashOf[algorithm];
  expect(privateDecrypt({ key: privateKey, padding, oaepHash }, sealed.blob)).toEqual(plaintext);
  const again = await encryption.by(algorithm).encrypt(key, plaintext, use);
  expect(again.blob).not.toEqual(sealed.blob);
});

test.each(algorithms)('what others encrypt by %s the token opens', async (algorithm) => {
  const oaepHash = hashOf[algorithm];
  const blob = publicEncrypt({ key: publicKey, padding, oaepHash }, plaintext);
  const opened = await encryption.by(algorithm).decrypt(key, blob, use);
  expect(opened).toEqual({ plaintext, keyMaterialId: undefined });
  const kind = { spec: 'RSA_2048', usage: 'ENCRYPT_DECRYPT' };
  expect(asked).toEqual([{ id: materialId, kind, algorithm }]);
});

test('a ciphertext of another length than the modulus is invalid, and the token is not asked', async () => {
  for (const length of [1, 255, 257, 384, 6144]) {
    const cipher = encryption.by('RSAES_OAEP_SHA_256');
    await expect(cipher.decrypt(key, Buffer.alloc(length), use)).rejects.toMatchObject(invalid);
  }
  expect(asked).toEqual([]);
});

test('a ciphertext of no bytes, which no Encrypt makes, is invalid', async () => {
  const oaepHash = 'sha256';
  const blob = publicEncrypt({ key: publicKey, padding, oaepHash }, Buffer.alloc(0));
  const cipher = encryption.by('RSAES_OAEP_SHA_256');
  await expect(cipher.decrypt(key, blob, use)).rejects.toMatchObject(invalid);
});

const sizes: readonly [RsaEncryptionAlgorithm, KeySpec, number][] = [
  ['RSAES_OAEP_SHA_1', 'RSA_2048', 214],
  ['RSAES_OAEP_SHA_1', 'RSA_3072', 342],
  ['RSAES_OAEP_SHA_1', 'RSA_4096', 470],
  ['RSAES_OAEP_SHA_256', 'RSA_2048', 190],
  ['RSAES_OAEP_SHA_256', 'RSA_3072', 318],
  ['RSAES_OAEP_SHA_256', 'RSA_4096', 446],
];
test.each(sizes)('%s takes under %s %i bytes at the most', (algorithm, keySpec, most) => {
  const cipher = encryption.by(algorithm);
  const of = rsaKey({ keySpec });
  cipher.requireFits(of, 1, 'Plaintext');
  cipher.requireFits(of, most, 'Plaintext');
  expect(() => cipher.requireFits(of, most + 1, 'Plaintext')).toThrow(
    refusal(
      'ValidationException',
      `Algorithm ${algorithm} and key spec ${keySpec} cannot encrypt data larger than ${most} bytes.`,
    ),
  );
});

test('the largest plaintexts of RSA_2048 are encrypted', async () => {
  for (const [algorithm, keySpec, most] of sizes.filter(([, spec]) => spec === 'RSA_2048')) {
    const bytes = Buffer.alloc(most, 0xa5);
    const { blob } = await encryption.by(algorithm).encrypt(rsaKey({ keySpec }), bytes, use);
    const { plaintext: back } = await encryption.by(algorithm).decrypt(key, blob, use);
    expect(back).toEqual(bytes);
  }
});

test('a key whose material has expired encrypts and decrypts no more, though it did before', async () => {
  let lapsesAt = Infinity;
  const { currentMaterial } = key;
  if (currentMaterial === undefined) throw new Error('there is a material');
  const imported = {
    ...({
      state: 'IMPORTED',
      expirationModel: 'KEY_MATERIAL_EXPIRES',
      validTo: undefined,
    } as const),
    get lapsesAt() {
      return lapsesAt;
    },
  };
  const lapsing = rsaKey({ currentMaterial: { ...currentMaterial, imported } });
  const cipher = encryption.by('RSAES_OAEP_SHA_1');
  const { blob } = await cipher.encrypt(lapsing, plaintext, use);
  lapsesAt = 0;
  const pendingImport = {
    code: 'KMSInvalidStateException',
    message: `${lapsing.arn} is pending import.`,
  };
  const encrypting = async (): Promise<unknown> => cipher.encrypt(lapsing, plaintext, use);
  await expect(encrypting()).rejects.toMatchObject(pendingImport);
  await expect(cipher.decrypt(lapsing, blob, use)).rejects.toMatchObject(pendingImport);
});

test('a key encrypts by the algorithms of its spec, and with a context if it is symmetric', () => {
  const symmetric = keyWith();
  requireEncryptionWith(symmetric, 'SYMMETRIC_DEFAULT', { a: 'b' });
  for (const context of [undefined, {}]) {
    requireEncryptionWith(key, 'RSAES_OAEP_SHA_1', context);
  }
  const incompatible = (algorithm: string, spec: string) =>
    refusal(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${spec}.`,
    );
  // The algorithm is looked at first.
  expect(() => requireEncryptionWith(key, 'SYMMETRIC_DEFAULT', { a: 'b' })).toThrow(
    incompatible('SYMMETRIC_DEFAULT', 'RSA_2048'),
  );
  expect(() => requireEncryptionWith(symmetric, 'RSAES_OAEP_SHA_1', undefined)).toThrow(
    incompatible('RSAES_OAEP_SHA_1', 'SYMMETRIC_DEFAULT'),
  );
  expect(() => requireEncryptionWith(key, 'RSAES_OAEP_SHA_256', { a: 'b' })).toThrow(
    refusal(
      'ValidationException',
      'An encryption context cannot be used with a key with key spec RSA_2048.',
    ),
  );
});

test('what no key has encrypts nothing', () => {
  expect(() => encryption.by('SM2PKE')).toThrow('no key encrypts by SM2PKE');
});
