import { type Token, type WrappedMaterial, openToken } from '../../hsm';
import { Allowance } from '../../src/keys/allowance';
import { decodeCiphertext } from '../../src/keys/ciphertext';
import type { Key } from '../../src/keys/key';
import { Keyring } from '../../src/keys/keyring';
import { generateAes, generateWrappedAes } from '../support/generated-keys';
import { type SoftHsm, makeSoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';
import { keyWith, materialId, materialsOf } from '../support/sample-keys';

let hsm: SoftHsm;
let token: Token;
let keyring: Keyring;
/** As many encryptions as a test may want. */
const unlimited = {
  sizes: { first: 1000, largest: 1000 },
  reserve: (_: string, count: number) => Promise.resolve(count),
};
const plaintext = Buffer.from('attack at dawn');
const rotatedId = 'f'.repeat(64);

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm));
  await generateAes(token, materialId, 'claviger:test');
  await generateAes(token, rotatedId, 'claviger:test');
  keyring = new Keyring({
    tokens: { of: () => token },
    counts: { of: (id) => new Allowance(id, unlimited) },
    reread: () => Promise.resolve(undefined),
  });
});
afterAll(async () => {
  await token.close();
  await hsm.remove();
});

const refused = { code: 'InvalidCiphertextException', message: '' };
const unopened = { code: 'ciphertext-invalid' };

test('what a key encrypts it decrypts, under the same context only', async () => {
  const key = keyWith();
  const { blob, keyMaterialId } = await keyring.encrypt(key, plaintext, { a: 'b' });
  expect(keyMaterialId).toBe(materialId);
  const parts = decodeCiphertext(blob);
  expect([parts.keyId, parts.keyMaterialId]).toEqual([key.keyId, materialId]);
  expect(await keyring.decrypt(key, parts, { a: 'b' })).toEqual({ plaintext, keyMaterialId });
  for (const context of [undefined, {}, { a: 'c' }, { a: 'b', c: 'd' }]) {
    await expect(keyring.decrypt(key, parts, context)).rejects.toMatchObject(unopened);
  }
});

test('no two ciphertexts of one plaintext are the same', async () => {
  const blobs = new Set<string>();
  for (let i = 0; i < 50; i++) {
    blobs.add(
      (await keyring.encrypt(keyWith(), plaintext, undefined)).blob.toString('hex', 50, 62),
    );
  }
  expect(blobs.size).toBe(50);
});

test('a retained material decrypts, and the current one encrypts', async () => {
  const { blob } = await keyring.encrypt(keyWith(), plaintext, undefined);
  const rotated = keyWith(materialsOf([materialId, rotatedId]));
  const opened = await keyring.decrypt(rotated, decodeCiphertext(blob), undefined);
  expect(opened).toEqual({ plaintext, keyMaterialId: materialId });
  const next = await keyring.encrypt(rotated, plaintext, undefined);
  expect(next.keyMaterialId).toBe(rotatedId);
});

test('a material that the key does not retain opens nothing, though the token has it', async () => {
  const { blob } = await keyring.encrypt(keyWith(), plaintext, undefined);
  const other = keyWith(materialsOf([rotatedId]));
  await expect(keyring.decrypt(other, decodeCiphertext(blob), undefined)).rejects.toMatchObject(
    refused,
  );
});

test('another key opens nothing, though it has the same material', async () => {
  const { blob } = await keyring.encrypt(keyWith(), plaintext, undefined);
  const other = keyWith({ keyId: '99999999-12ab-34cd-56ef-1234567890ab' });
  await expect(keyring.decrypt(other, decodeCiphertext(blob), undefined)).rejects.toMatchObject(
    refused,
  );
});

test('every byte of a ciphertext counts', async () => {
  const key = keyWith();
  const { blob } = await keyring.encrypt(key, plaintext, undefined);
  for (let at = 50; at < blob.length; at++) {
    const changed = Buffer.from(blob);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const attempt = keyring.decrypt(key, decodeCiphertext(changed), undefined);
    await expect(attempt).rejects.toMatchObject(unopened);
  }
});

test('a key without material waits for its import', async () => {
  const key = keyWith(materialsOf([]));
  await expect(keyring.encrypt(key, plaintext, undefined)).rejects.toMatchObject({
    code: 'KMSInvalidStateException',
    message: `${key.arn} is pending import.`,
  });
});

test('a material that the token does not have is a failure of the token', async () => {
  const missing = 'e'.repeat(64);
  const key = keyWith(materialsOf([missing]));
  await expect(keyring.encrypt(key, plaintext, undefined)).rejects.toMatchObject({
    code: 'key-not-found',
  });
});

test.each([
  ['was deleted', { state: 'PENDING_IMPORT', lapsesAt: Infinity }],
  ['has expired', { state: 'IMPORTED', lapsesAt: 0 }],
] as const)('imported material that %s is of no use, though the token has it', async (_, gone) => {
  const own = keyWith();
  const { blob } = await keyring.encrypt(own, plaintext, undefined);
  const { currentMaterial } = materialsOf([materialId]);
  if (currentMaterial === undefined) throw new Error('there is no material');
  const expirationModel = 'KEY_MATERIAL_EXPIRES';
  const imported = { ...gone, expirationModel, validTo: new Date(0) } as const;
  const away = { ...currentMaterial, imported };
  const key = keyWith({ currentMaterial: away, materials: new Map([[away.id, away]]) });
  const refusal = { code: 'KMSInvalidStateException', message: `${key.arn} is pending import.` };
  await expect(keyring.encrypt(key, plaintext, undefined)).rejects.toMatchObject(refusal);
  const opening = keyring.decrypt(key, decodeCiphertext(blob), undefined);
  await expect(opening).rejects.toMatchObject(refusal);
});

describe('material that is wrapped', () => {
  const label = 'claviger:test';
  const [gone, there] = ['a'.repeat(64), 'b'.repeat(64)];
  const wrappedId = 'c'.repeat(64);

  /** The same material under a wrapping key that the token had when a worker read it, and under the one that it has. */
  async function rewrapped(): Promise<{ before: Key; now: Key }> {
    await token.createWrappingKey(gone, label, { exportable: false });
    await token.createWrappingKey(there, label, { exportable: false });
    const old = await generateWrappedAes(token, gone);
    const kind = { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' } as const;
    const fresh = await token.rewrap(old, kind, there);
    await token.destroyKey(gone);
    return { before: keyUnder(old), now: keyUnder(fresh) };
  }

  function keyUnder(wrapped: WrappedMaterial): Key {
    const material = {
      id: wrappedId,
      wrapped,
      state: 'CURRENT' as const,
      imported: undefined,
      publicKey: undefined,
    };
    return keyWith({ currentMaterial: material, materials: new Map([[wrappedId, material]]) });
  }

  const ringThatRereads = (reread: () => Promise<Key | undefined>): Keyring =>
    new Keyring({
      tokens: { of: () => token },
      counts: { of: (id) => new Allowance(id, unlimited) },
      reread,
    });

  test('is read again, once, where its wrapping key is gone and another wraps it now', async () => {
    const { before, now } = await rewrapped();
    let asked = 0;
    const ring = ringThatRereads(() => {
      asked += 1;
      return Promise.resolve(now);
    });
    const { blob } = await ring.encrypt(before, plaintext, undefined);
    token.evict(wrappedId);
    const opened = await ring.decrypt(before, decodeCiphertext(blob), undefined);
    expect([opened.plaintext, asked]).toEqual([plaintext, 2]);
    // The object is kept under the material's id, so that nothing is read any more.
    await ring.encrypt(before, plaintext, undefined);
    expect(asked).toBe(2);
    token.evict(wrappedId);
    for (const found of [before, undefined]) {
      const blind = ringThatRereads(() => Promise.resolve(found));
      await expect(blind.encrypt(before, plaintext, undefined)).rejects.toMatchObject({
        code: 'key-not-found',
      });
    }
  });
});
