import { createPublicKey, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as pkcs11 from 'pkcs11js';
import { openToken, type ImportedKey, type Token } from '../../hsm/index';
import { generateAes } from '../support/generated-keys';
import { wrapMaterial } from '../support/imports';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenObjects, type TokenObjects } from '../support/token-objects';
import { tokenOptions } from '../support/token-options';

let hsm: SoftHsm;
let token: Token;
let objects: TokenObjects;
const outcomes: string[] = [];

beforeAll(async () => {
  hsm = await makeSoftHsm();
  const onOperation = (operation: string, seconds: number, outcome: string): void => {
    if (seconds >= 0) outcomes.push(`${operation} ${outcome}`);
  };
  token = await openToken(tokenOptions(hsm, { durableDirectory: hsm.tokenDir, onOperation }));
  objects = tokenObjects(hsm);
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

const newId = (): string => randomBytes(32).toString('hex');

function importedWith(importKeyId: string, publicKey: Buffer): ImportedKey {
  return {
    importKeyId,
    algorithm: 'RSA_AES_KEY_WRAP_SHA_256',
    encrypted: wrapMaterial('RSA_AES_KEY_WRAP_SHA_256', publicKey, randomBytes(32)),
    kind: { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' },
    keyId: 'key',
  };
}

test.each([2048, 3072, 4096] as const)('makes a pair of %i bits that unwraps', async (bits) => {
  const id = newId();
  const publicKey = await token.generateImportKeyPair(id, 'claviger:import:pair', { bits });
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  expect(key.asymmetricKeyDetails).toEqual({ modulusLength: bits, publicExponent: 65537n });
  await expect(token.identifyImport(importedWith(id, publicKey))).resolves.toMatchObject({
    id: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
  await token.destroyKeyPair(id);
  expect(objects.find(id)).toEqual([]);
  await expect(token.identifyImport(importedWith(id, publicKey))).rejects.toMatchObject({
    code: 'key-not-found',
    message: 'C_FindObjects: no import key pair',
  });
});

test('the private key stays, protected, and nothing else does', async () => {
  const id = newId();
  await token.generateImportKeyPair(id, 'claviger:import:protected', { bits: 2048 });
  const key = objects.one(id);
  expect(objects.read(key, pkcs11.CKA_LABEL).toString()).toBe('claviger:import:protected');
  expect(() => objects.read(key, pkcs11.CKA_PRIVATE_EXPONENT)).toThrow('CKR_ATTRIBUTE_SENSITIVE');
  const flags = {
    token: pkcs11.CKA_TOKEN,
    private: pkcs11.CKA_PRIVATE,
    sensitive: pkcs11.CKA_SENSITIVE,
    alwaysSensitive: pkcs11.CKA_ALWAYS_SENSITIVE,
    neverExtractable: pkcs11.CKA_NEVER_EXTRACTABLE,
    extractable: pkcs11.CKA_EXTRACTABLE,
    decrypt: pkcs11.CKA_DECRYPT,
    unwrap: pkcs11.CKA_UNWRAP,
    sign: pkcs11.CKA_SIGN,
    signRecover: pkcs11.CKA_SIGN_RECOVER,
    derive: pkcs11.CKA_DERIVE,
  };
  expect(objects.flags(key, flags)).toEqual({
    ...{ token: true, private: true, sensitive: true },
    ...{ alwaysSensitive: true, neverExtractable: true, extractable: false },
    ...{ decrypt: true, unwrap: true, sign: false, signRecover: false, derive: false },
  });
  expect(objects.sessionObjects()).toEqual([]);
  expect(await token.listObjects('claviger:import:protected')).toEqual([
    expect.objectContaining({ kind: 'key-pair', id }),
  ]);
  await token.destroyKeyPair(id);
});

test('refuses an id that is taken, by a pair or by any other key', async () => {
  const [pair, secret] = [newId(), newId()];
  await token.generateImportKeyPair(pair, 'claviger:import:taken', { bits: 2048 });
  await generateAes(token, secret, 'claviger/test/taken');
  for (const id of [pair, secret]) {
    await expect(
      token.generateImportKeyPair(id, 'claviger:import', { bits: 2048 }),
    ).rejects.toMatchObject({
      code: 'duplicate-key',
      message: `C_FindObjects: CKA_ID ${id} is taken`,
    });
  }
  await token.destroyKeyPair(pair);
  expect(objects.find(pair)).toEqual([]);
  await token.destroyKeyPair(secret);
  expect(objects.find(secret)).toHaveLength(1);
});

test('destroying a pair that is not there is success', async () => {
  await expect(token.destroyKeyPair(newId())).resolves.toBeUndefined();
});

test('refuses an id that is none', async () => {
  const error = { code: 'failed', message: 'a token key id is lower-case hex of 1 to 64 bytes' };
  await expect(token.generateImportKeyPair('*', 'label', { bits: 2048 })).rejects.toMatchObject(
    error,
  );
  await expect(token.destroyKeyPair('')).rejects.toMatchObject(error);
  const imported = importedWith(newId(), await somePublicKey());
  await expect(token.identifyImport({ ...imported, importKeyId: 'x' })).rejects.toMatchObject(
    error,
  );
  await expect(token.admitImport(imported, 'x', { label: 'l' })).rejects.toMatchObject(error);
  await expect(token.admitImport(imported, newId(), { wrappingKeyId: 'x' })).rejects.toMatchObject(
    error,
  );
});

test('an RSA key that is not made for imports is not taken for one', async () => {
  const id = newId();
  objects.generateRsa(id);
  await expect(token.identifyImport(importedWith(id, await somePublicKey()))).rejects.toMatchObject(
    { code: 'key-not-found', message: 'C_FindObjects: no import key pair' },
  );
});

test('leaves no pair behind that it could not make durable', async () => {
  await token.close();
  const gone = await mkdtemp(join(tmpdir(), 'claviger-gone-'));
  await rm(gone, { recursive: true });
  token = await openToken(tokenOptions(hsm, { durableDirectory: gone }));
  const id = newId();
  await expect(
    token.generateImportKeyPair(id, 'claviger:import', { bits: 2048 }),
  ).rejects.toMatchObject({
    code: 'failed',
    message: 'fsync: the new key could not be made durable',
  });
  expect(tokenObjects(hsm).find(id)).toEqual([]);
});

test('each call is told to whoever measures', () => {
  expect(outcomes).toEqual(
    expect.arrayContaining([
      'generateImportKeyPair ok',
      'generateImportKeyPair duplicate-key',
      'identifyImport ok',
      'identifyImport key-not-found',
      'destroyKeyPair ok',
    ]),
  );
});

let anyPublicKey: Promise<Buffer> | undefined;
function somePublicKey(): Promise<Buffer> {
  anyPublicKey ??= token.generateImportKeyPair(newId(), 'claviger:import:any', { bits: 2048 });
  return anyPublicKey;
}
