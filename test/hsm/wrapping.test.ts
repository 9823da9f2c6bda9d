import { randomBytes } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import {
  openToken,
  type Token,
  type TokenEvent,
  type TokenKey,
  type WrappedMaterial,
} from '../../hsm/index';
import { importedWrappingKey } from '../../hsm/templates';
import { generateAes, generateWrappedAes } from '../support/generated-keys';
import { intruder, type Intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

const aad = Buffer.from('context');
const newId = (): string => randomBytes(32).toString('hex');
const text = Buffer.from('plaintext');

let hsm: SoftHsm;
let token: Token;
let other: Intruder;
let wrappingKeyId: string;
const events: TokenEvent[] = [];
const outcomes: string[] = [];

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(
    tokenOptions(hsm, {
      maxCachedKeys: 4,
      durableDirectory: hsm.tokenDir,
      onEvent: (event) => events.push(event),
      onOperation: (operation, _seconds, outcome) => outcomes.push(`${operation} ${outcome}`),
    }),
  );
  other = intruder(hsm);
  wrappingKeyId = newId();
  await token.createWrappingKey(wrappingKeyId, 'claviger:wrapping:1', { exportable: false });
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

const wrappedKey = (wrapped: WrappedMaterial): TokenKey => ({ id: newId(), wrapped });
const newKey = async (): Promise<TokenKey> =>
  wrappedKey(await generateWrappedAes(token, wrappingKeyId));
const sessionObjects = (key: TokenKey): number => other.find(key.id, { token: false }).length;

/** A wrapping key whose value the test knows. */
function knownWrappingKey(id: string, value: Buffer): pkcs11.Attribute[] {
  const key = { id: Buffer.from(id, 'hex'), label: 'known', modifiable: true, exportable: false };
  return [...importedWrappingKey(key), { type: pkcs11.CKA_VALUE, value }];
}

async function isUsable(key: TokenKey): Promise<void> {
  const sealed = await token.encryptAesGcm(key, aad, text);
  expect(await token.decryptAesGcm(key, { ...sealed, aad })).toEqual(text);
}

describe('a wrapping key', () => {
  test.each([[false], [true]])(
    'wraps and unwraps, and is neither read nor used for anything else: exportable %s',
    async (exportable) => {
      const id = newId();
      await token.createWrappingKey(id, 'claviger:wrapping:2', { exportable });
      const [key, second] = other.find(id);
      expect(second).toBeUndefined();
      expect(() => other.read(key, pkcs11.CKA_VALUE)).toThrow('CKR_ATTRIBUTE_SENSITIVE');
      const flags = {
        [pkcs11.CKA_TOKEN]: 1,
        [pkcs11.CKA_PRIVATE]: 1,
        [pkcs11.CKA_SENSITIVE]: 1,
        [pkcs11.CKA_ALWAYS_SENSITIVE]: 1,
        [pkcs11.CKA_EXTRACTABLE]: exportable ? 1 : 0,
        [pkcs11.CKA_NEVER_EXTRACTABLE]: exportable ? 0 : 1,
        [pkcs11.CKA_MODIFIABLE]: 0,
        [pkcs11.CKA_WRAP]: 1,
        [pkcs11.CKA_UNWRAP]: 1,
        [pkcs11.CKA_ENCRYPT]: 0,
        [pkcs11.CKA_DECRYPT]: 0,
        [pkcs11.CKA_SIGN]: 0,
        [pkcs11.CKA_VERIFY]: 0,
        [pkcs11.CKA_DERIVE]: 0,
      };
      for (const [type, expected] of Object.entries(flags)) {
        expect([type, other.read(key, Number(type))[0]]).toEqual([type, expected]);
      }
      expect(other.read(key, pkcs11.CKA_LABEL).toString()).toBe('claviger:wrapping:2');
    },
  );

  test('is not made twice under one id', async () => {
    await expect(
      token.createWrappingKey(wrappingKeyId, 'again', { exportable: false }),
    ).rejects.toMatchObject({
      code: 'duplicate-key',
      message: `C_FindObjects: CKA_ID ${wrappingKeyId} is taken`,
    });
    expect(other.find(wrappingKeyId)).toHaveLength(1);
  });

  test('needs an id that is lower-case hex', async () => {
    const refusal = {
      code: 'failed',
      message: 'a token key id is lower-case hex of 1 to 64 bytes',
    };
    const making = token.createWrappingKey('XY', 'label', { exportable: false });
    await expect(making).rejects.toMatchObject(refusal);
    await expect(generateWrappedAes(token, 'XY')).rejects.toMatchObject(refusal);
    await expect(token.hasKey('XY')).rejects.toMatchObject(refusal);
  });

  test('is there, or is not', async () => {
    expect(await token.hasKey(wrappingKeyId)).toBe(true);
    expect(await token.hasKey(newId())).toBe(false);
  });

  test('is named by what misses it', async () => {
    const missing = newId();
    const refusal = { code: 'key-not-found', message: `C_FindObjects: no wrapping key ${missing}` };
    await expect(generateWrappedAes(token, missing)).rejects.toMatchObject(refusal);
    const { wrapped } = await newKey();
    const key = wrappedKey({ wrappingKeyId: missing, blob: wrapped?.blob ?? Buffer.alloc(0) });
    await expect(async () => token.encryptAesGcm(key, aad, text)).rejects.toMatchObject(refusal);
  });

  test('is not any key of the token', async () => {
    const id = newId();
    await generateAes(token, id, 'claviger/test');
    await expect(generateWrappedAes(token, id)).rejects.toMatchObject({
      code: 'key-not-found',
      message: `C_GetAttributeValue: key ${id} is not a wrapping key`,
    });
  });
});

describe('generated wrapped material', () => {
  test('is a key of its own each time, and leaves nothing in the token', async () => {
    const before = (await token.listKeys('')).length;
    const keys = [await newKey(), await newKey()];
    const [left, right] = keys.map(({ wrapped }) => wrapped?.blob);
    expect(left).toHaveLength(40);
    expect(left).not.toEqual(right);
    expect(await token.listKeys('')).toHaveLength(before);
    expect(other.all({ token: false })).toHaveLength(0);
  });

  test('is generated for many callers at once', async () => {
    const keys = await Promise.all(Array.from({ length: 40 }, newKey));
    for (const key of keys) await isUsable(key);
    token.evictAll();
  });

  test('is used through a protected session object that names it', async () => {
    const key = await newKey();
    await isUsable(key);
    const [object, second] = other.find(key.id, { token: false });
    expect(second).toBeUndefined();
    expect(() => other.read(object, pkcs11.CKA_VALUE)).toThrow('CKR_ATTRIBUTE_SENSITIVE');
    const flags = {
      [pkcs11.CKA_PRIVATE]: 1,
      [pkcs11.CKA_SENSITIVE]: 1,
      [pkcs11.CKA_EXTRACTABLE]: 0,
      [pkcs11.CKA_ENCRYPT]: 1,
      [pkcs11.CKA_DECRYPT]: 1,
      [pkcs11.CKA_WRAP]: 0,
      [pkcs11.CKA_UNWRAP]: 0,
      [pkcs11.CKA_SIGN]: 0,
      [pkcs11.CKA_VERIFY]: 0,
      [pkcs11.CKA_DERIVE]: 0,
    };
    for (const [type, expected] of Object.entries(flags)) {
      expect([type, other.read(object, Number(type))[0]]).toEqual([type, expected]);
    }
  });

  test('is unwrapped at once when its wrapping key is known', async () => {
    await isUsable(await newKey());
    const key = await newKey();
    const sealed = token.encryptAesGcm(key, aad, text);
    expect(sealed).not.toBeInstanceOf(Promise);
    expect(await token.decryptAesGcm(key, { ...(await sealed), aad })).toEqual(text);
    expect(sessionObjects(key)).toBe(1);
  });

  test('does not open what another material sealed', async () => {
    const sealed = { ...(await token.encryptAesGcm(await newKey(), aad, text)), aad };
    const another = await newKey();
    await expect(async () => token.decryptAesGcm(another, sealed)).rejects.toMatchObject({
      code: 'ciphertext-invalid',
      message: 'C_Decrypt: CKR_GENERAL_ERROR',
    });
  });
});

describe('a blob', () => {
  const flipped = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
    return copy;
  };

  test.each<[string, (blob: Buffer) => Buffer, string]>([
    ['its first byte differs', (blob) => flipped(blob, 0), 'C_UnwrapKey: CKR_GENERAL_ERROR'],
    ['its last byte differs', (blob) => flipped(blob, 39), 'C_UnwrapKey: CKR_GENERAL_ERROR'],
    [
      'it is short',
      (blob) => blob.subarray(0, 32),
      'C_UnwrapKey: wrapped material of this length is no AES-256 key',
    ],
    [
      'it is empty',
      () => Buffer.alloc(0),
      'C_UnwrapKey: wrapped material of this length is no AES-256 key',
    ],
  ])('is refused when %s', async (_what, change, message) => {
    const { wrapped } = await newKey();
    const blob = change(wrapped?.blob ?? Buffer.alloc(0));
    const key = wrappedKey({ wrappingKeyId, blob });
    const refusal = { name: 'HsmError', code: 'material-invalid', message };
    await expect(async () => token.encryptAesGcm(key, aad, text)).rejects.toMatchObject(refusal);
    const rewrapping = token.rewrap({ wrappingKeyId, blob }, aes, wrappingKeyId);
    await expect(rewrapping).rejects.toMatchObject(refusal);
    expect(sessionObjects(key)).toBe(0);
  });

  test('is refused under another wrapping key than its own', async () => {
    const another = newId();
    await token.createWrappingKey(another, 'claviger:wrapping:3', { exportable: false });
    const { wrapped } = await newKey();
    const key = wrappedKey({ wrappingKeyId: another, blob: wrapped?.blob ?? Buffer.alloc(0) });
    await expect(async () => token.encryptAesGcm(key, aad, text)).rejects.toMatchObject({
      code: 'material-invalid',
      message: 'C_UnwrapKey: CKR_GENERAL_ERROR',
    });
    expect(token.status().state).toBe('ready');
  });
});

const aes = { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' } as const;

describe('the cache', () => {
  test('callers that miss together share one search and one object', async () => {
    const another = newId();
    await token.createWrappingKey(another, 'claviger:wrapping:4', { exportable: false });
    const key = wrappedKey(await generateWrappedAes(token, another));
    await token.recover();
    other = intruder(hsm);
    await Promise.all(Array.from({ length: 20 }, async () => token.encryptAesGcm(key, aad, text)));
    expect(sessionObjects(key)).toBe(1);
  });

  test('holds resident and wrapped keys together, and no more than it may', async () => {
    const keys: TokenKey[] = [];
    for (let count = 0; count < 6; count += 1) {
      if (count % 2 === 0) keys.push(await newKey());
      else {
        keys.push({ id: newId(), wrapped: undefined });
        await generateAes(token, keys[count]?.id ?? '', 'claviger/test');
      }
    }
    for (const key of keys) await isUsable(key);
    expect(token.counters().cachedKeys).toBe(4);
    expect(keys.map(sessionObjects)).toEqual([0, 0, 1, 1, 1, 1]);
  });

  test('makes no object for a key that is cached', async () => {
    const key = await newKey();
    await isUsable(key);
    const { cacheMisses } = token.counters();
    for (let count = 0; count < 10; count += 1) await isUsable(key);
    expect(token.counters().cacheMisses).toBe(cacheMisses);
    expect(sessionObjects(key)).toBe(1);
  });

  test('eviction destroys the object, and the next use makes another', async () => {
    const key = await newKey();
    const sealed = await token.encryptAesGcm(key, aad, text);
    token.evict(key.id);
    expect(sessionObjects(key)).toBe(0);
    expect(await token.decryptAesGcm(key, { ...sealed, aad })).toEqual(text);
    expect(sessionObjects(key)).toBe(1);
    token.evictAll();
    expect(sessionObjects(key)).toBe(0);
  });

  test('an object destroyed behind our back is made again', async () => {
    const key = await newKey();
    await isUsable(key);
    other.destroy(other.find(key.id, { token: false })[0]);
    await isUsable(key);
    expect(sessionObjects(key)).toBe(1);
  });

  test('a wrapping key that was destroyed is missed, and found again under a new handle', async () => {
    const id = newId();
    const value = randomBytes(32);
    other.create(knownWrappingKey(id, value));
    const key = wrappedKey(await generateWrappedAes(token, id));
    await isUsable(key);
    other.destroy(other.find(id)[0]);
    token.evict(key.id);
    const refusal = { code: 'key-not-found', message: `C_FindObjects: no wrapping key ${id}` };
    await expect(async () => token.encryptAesGcm(key, aad, text)).rejects.toMatchObject(refusal);
    await expect(generateWrappedAes(token, id)).rejects.toMatchObject(refusal);
    other.create(knownWrappingKey(id, value));
    await isUsable(key);
    other.destroy(other.find(id)[0]);
    await token.destroyKey(id);
    await expect(generateWrappedAes(token, id)).rejects.toMatchObject(refusal);
  });
});
