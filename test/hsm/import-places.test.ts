import { createDecipheriv, createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { openToken, type ImportedKey, type Token, type WrappedMaterial } from '../../hsm/index';
import { generateAes } from '../support/generated-keys';
import { importAlgorithms, wrapMaterial } from '../support/imports';
import { provableTemplate, proveSameKey } from '../support/material-uses';
import { makeMaterial, type Material, materialKinds } from '../support/materials';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenObjects, type TokenObjects } from '../support/token-objects';
import { tokenOptions } from '../support/token-options';

let hsm: SoftHsm;
let token: Token;
let objects: TokenObjects;
let publicKey: Buffer;
const importKeyId = randomBytes(32).toString('hex');
const wrappingKeyId = randomBytes(32).toString('hex');

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm, { durableDirectory: hsm.tokenDir }));
  objects = tokenObjects(hsm);
  publicKey = await token.generateImportKeyPair(importKeyId, 'claviger:import', { bits: 2048 });
  await token.createWrappingKey(wrappingKeyId, `claviger:wrapping:${wrappingKeyId}`, {
    exportable: false,
  });
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

const aes = { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' } as const;

function importedOf(material: Material, different: Partial<ImportedKey> = {}): ImportedKey {
  const algorithm = different.algorithm ?? 'RSA_AES_KEY_WRAP_SHA_256';
  const encrypted = wrapMaterial(algorithm, publicKey, material.bytes);
  return { importKeyId, algorithm, encrypted, kind: material.kind, keyId: 'key-1', ...different };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('nothing was answered');
  return value;
}

async function admitWrapped(imported: ImportedKey, id: string): Promise<WrappedMaterial> {
  return required(await token.admitImport(imported, id, { wrappingKeyId }));
}

describe('the id of material', () => {
  test('is the same however it comes', async () => {
    const material = makeMaterial(aes);
    const ids = new Set<string>();
    for (const algorithm of importAlgorithms) {
      ids.add((await token.identifyImport(importedOf(material, { algorithm }))).id);
    }
    expect(ids.size).toBe(1);
  });

  test.each(materialKinds.map((kind) => [kind.spec, kind.usage, kind] as const))(
    'of %s for %s is the same again, and another in another KMS key',
    async (_spec, _usage, kind) => {
      const material = makeMaterial(kind);
      const { id } = await token.identifyImport(importedOf(material));
      expect((await token.identifyImport(importedOf(material))).id).toBe(id);
      expect((await token.identifyImport(importedOf(material, { keyId: 'key-2' }))).id).not.toBe(
        id,
      );
    },
  );

  test('is another for other material, even for a key that differs in one bit', async () => {
    const one = makeMaterial(aes);
    const bytes = Buffer.from(one.bytes);
    bytes.writeUInt8(bytes.readUInt8(31) ^ 1, 31);
    const found = await Promise.all(
      [one, { ...one, bytes }].map((material) => token.identifyImport(importedOf(material))),
    );
    expect(new Set(found.map(({ id }) => id)).size).toBe(2);
  });

  test('tells an EC key from the one with the same x coordinate', async () => {
    const kind = { spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY' } as const;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const negated = negate(privateKey.export({ format: 'jwk' }));
    const ids = new Set<string>();
    for (const key of [privateKey, createPrivateKey({ key: negated, format: 'jwk' })]) {
      const bytes = key.export({ format: 'der', type: 'pkcs8' });
      ids.add((await token.identifyImport(importedOf({ kind, bytes }))).id);
    }
    expect(ids.size).toBe(2);
  });
});

const p256 = {
  order: BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
  prime: BigInt('0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff'),
};

/** n − d and its public point, (x, p − y). */
function negate(jwk: Record<string, unknown>): Record<string, string> {
  const number = (name: string): bigint =>
    BigInt(`0x${Buffer.from(String(jwk[name]), 'base64url').toString('hex')}`);
  const text = (value: bigint): string =>
    Buffer.from(value.toString(16).padStart(64, '0'), 'hex').toString('base64url');
  return {
    ...{ kty: 'EC', crv: 'P-256', x: String(jwk['x']) },
    ...{ y: text(p256.prime - number('y')), d: text(p256.order - number('d')) },
  };
}

describe('wrapped by a wrapping key', () => {
  test.each(materialKinds.map((kind) => [kind.spec, kind.usage, kind] as const))(
    '%s for %s is the same material',
    async (_spec, _usage, kind) => {
      const material = makeMaterial(kind);
      const imported = importedOf(material);
      const { id } = await token.identifyImport(imported);
      const wrapped = await admitWrapped(imported, id);
      expect(wrapped.wrappingKeyId).toBe(wrappingKeyId);
      expect(objects.find(id)).toEqual([]);
      expect(objects.sessionObjects()).toEqual([]);
      const object = objects.unwrap(
        objects.one(wrappingKeyId),
        { mechanism: pkcs11.CKM_AES_KEY_WRAP_PAD },
        { blob: wrapped.blob, template: provableTemplate(kind) },
      );
      proveSameKey(objects, object, material);
      objects.destroy(object);
      const again = await token.rewrap(wrapped, kind, wrappingKeyId);
      expect(again.blob).toEqual(wrapped.blob);
    },
  );

  test('an AES key serves Encrypt, and OpenSSL opens it', async () => {
    const material = makeMaterial(aes);
    const imported = importedOf(material, { algorithm: 'RSAES_OAEP_SHA_256' });
    const { id } = await token.identifyImport(imported);
    const wrapped = await admitWrapped(imported, id);
    const aad = Buffer.from('context');
    const sealed = await token.encryptAesGcm({ id, wrapped }, aad, Buffer.from('plaintext'));
    const decipher = createDecipheriv('aes-256-gcm', material.bytes, sealed.iv)
      .setAAD(aad)
      .setAuthTag(sealed.ciphertext.subarray(-16));
    expect(decipher.update(sealed.ciphertext.subarray(0, -16)).toString()).toBe('plaintext');
    decipher.final();
    token.evict(id);
  });

  test('refuses a wrapping key that is not there', async () => {
    const imported = importedOf(makeMaterial(aes));
    const { id } = await token.identifyImport(imported);
    const place = { wrappingKeyId: randomBytes(32).toString('hex') };
    await expect(token.admitImport(imported, id, place)).rejects.toMatchObject({
      code: 'key-not-found',
      message: expect.stringContaining('wrapping key') as string,
    });
  });

  test('refuses a key that is no wrapping key', async () => {
    const other = randomBytes(32).toString('hex');
    await generateAes(token, other, 'claviger/test/other');
    const imported = importedOf(makeMaterial(aes));
    const { id } = await token.identifyImport(imported);
    await expect(token.admitImport(imported, id, { wrappingKeyId: other })).rejects.toMatchObject({
      code: 'key-not-found',
    });
  });
});

describe('admitting', () => {
  test.each([{ label: 'claviger/test/wrong' }, { wrappingKeyId }])(
    'refuses material of another id to %o',
    async (place) => {
      const imported = importedOf(makeMaterial(aes));
      const { id } = await token.identifyImport(importedOf(makeMaterial(aes)));
      await expect(token.admitImport(imported, id, place)).rejects.toMatchObject({
        code: 'import-material-wrong',
        message: 'imported key material: not of the kind asked for',
      });
      expect(objects.find(id)).toEqual([]);
    },
  );

  test('refuses an id that is taken, and leaves what is there alone', async () => {
    const material = makeMaterial(aes);
    const { id } = await token.identifyImport(importedOf(material));
    const place = { label: 'claviger/test/once' };
    await token.admitImport(importedOf(material), id, place);
    await expect(token.admitImport(importedOf(material), id, place)).rejects.toMatchObject({
      code: 'duplicate-key',
      message: `C_FindObjects: CKA_ID ${id} is taken`,
    });
    expect(objects.find(id)).toHaveLength(1);
    await token.destroyKey(id);
    await token.admitImport(importedOf(material), id, place);
    expect(objects.find(id)).toHaveLength(1);
  });

  test('a private key goes with destroyKeyPair', async () => {
    const material = makeMaterial({ spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY' });
    const { id } = await token.identifyImport(importedOf(material));
    await token.admitImport(importedOf(material), id, { label: 'claviger/test/pair' });
    expect(objects.find(id)).toHaveLength(1);
    await token.destroyKeyPair(id);
    expect(objects.find(id)).toEqual([]);
  });

  test('many at once come out as many', async () => {
    const materials = Array.from({ length: 8 }, () => makeMaterial(aes));
    const ids = await Promise.all(
      materials.map(async (material) => {
        const { id } = await token.identifyImport(importedOf(material));
        await token.admitImport(importedOf(material), id, { label: 'claviger/test/many' });
        return id;
      }),
    );
    for (const id of ids) expect(objects.find(id)).toHaveLength(1);
    expect(objects.sessionObjects()).toEqual([]);
  });

  test('leaves nothing behind that it could not make durable', async () => {
    await token.close();
    token = await openToken(tokenOptions(hsm, { durableDirectory: `${hsm.tokenDir}.gone` }));
    const material = makeMaterial(aes);
    const { id } = await token.identifyImport(importedOf(material));
    await expect(
      token.admitImport(importedOf(material), id, { label: 'claviger/test/undone' }),
    ).rejects.toMatchObject({
      code: 'failed',
      message: 'fsync: the new key could not be made durable',
    });
    expect(tokenObjects(hsm).find(id)).toEqual([]);
  });
});
