import { randomBytes } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { openToken, residentKey, type Token } from '../../hsm/index';
import { aesKind } from '../../hsm/kinds';
import { generatedSecret } from '../../hsm/material/templates';
import { generateAes } from '../support/generated-keys';
import { intruder, type Intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

let hsm: SoftHsm;
let token: Token;
let other: Intruder;
const outcomes: string[] = [];

beforeAll(async () => {
  hsm = await makeSoftHsm();
  const onOperation = (operation: string, seconds: number, outcome: string): void => {
    if (seconds >= 0) outcomes.push(`${operation} ${outcome}`);
  };
  token = await openToken(
    tokenOptions(hsm, { maxCachedKeys: 4, durableDirectory: hsm.tokenDir, onOperation }),
  );
  other = intruder(hsm);
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

const aad = Buffer.from('context');
const newId = (): string => randomBytes(32).toString('hex');

async function newKey(): Promise<string> {
  const id = newId();
  await generateAes(token, id, `claviger/test/${id.slice(0, 8)}`);
  return id;
}

describe('sealing', () => {
  test.each([1, 32, 4096])('opens again what it sealed: %i bytes', async (length) => {
    const id = await newKey();
    const plaintext = randomBytes(length);
    const sealed = await token.encryptAesGcm(residentKey(id), aad, plaintext);
    expect(sealed.iv).toHaveLength(12);
    expect(sealed.ciphertext).toHaveLength(length + 16);
    expect(await token.decryptAesGcm(residentKey(id), { ...sealed, aad })).toEqual(plaintext);
  });

  test('answers at once when the handle is cached', async () => {
    const id = await newKey();
    const first = token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    expect(first).toBeInstanceOf(Promise);
    await first;
    const second = token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    expect(second).not.toBeInstanceOf(Promise);
  });

  test('never uses an IV twice', async () => {
    const id = await newKey();
    const ivs = new Set<string>();
    for (let count = 0; count < 500; count += 1) {
      const { iv } = await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
      ivs.add(iv.toString('hex'));
    }
    expect(ivs.size).toBe(500);
  });

  test('refuses an empty plaintext before the token sees it', async () => {
    const id = await newKey();
    await expect(async () =>
      token.encryptAesGcm(residentKey(id), aad, Buffer.alloc(0)),
    ).rejects.toMatchObject({
      code: 'failed',
      message: 'C_Encrypt: plaintext must be 1 byte or more',
    });
  });

  test('answers every ciphertext that does not authenticate with one error', async () => {
    const id = await newKey();
    const sealed = { ...(await token.encryptAesGcm(residentKey(id), aad, randomBytes(20))), aad };
    const flipped = (bytes: Buffer, at: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
      return copy;
    };
    const forgeries = [
      { ...sealed, aad: Buffer.from('another') },
      { ...sealed, aad: Buffer.alloc(0) },
      { ...sealed, iv: flipped(sealed.iv, 0) },
      { ...sealed, ciphertext: flipped(sealed.ciphertext, 0) },
      { ...sealed, ciphertext: flipped(sealed.ciphertext, 35) },
      { ...sealed, ciphertext: sealed.ciphertext.subarray(0, 35) },
    ];
    for (const forgery of forgeries) {
      await expect(async () => token.decryptAesGcm(residentKey(id), forgery)).rejects.toMatchObject(
        {
          name: 'HsmError',
          code: 'ciphertext-invalid',
          message: 'C_Decrypt: CKR_GENERAL_ERROR',
        },
      );
    }
    await expect(async () =>
      token.decryptAesGcm(residentKey(id), { ...sealed, ciphertext: Buffer.alloc(16) }),
    ).rejects.toMatchObject({ code: 'ciphertext-invalid', message: 'C_Decrypt: wrong length' });
    expect(await token.decryptAesGcm(residentKey(id), sealed)).toHaveLength(20);
  });

  test('does not open what another key sealed', async () => {
    const [left, right] = [await newKey(), await newKey()];
    const sealed = await token.encryptAesGcm(residentKey(left), aad, Buffer.from('secret'));
    await expect(async () =>
      token.decryptAesGcm(residentKey(right), { ...sealed, aad }),
    ).rejects.toMatchObject({
      code: 'ciphertext-invalid',
    });
  });
});

describe('a generated key', () => {
  test('cannot be read, extracted, wrapped or signed with', async () => {
    const id = await newKey();
    const [key] = other.find(id);
    expect(() => other.read(key, pkcs11.CKA_VALUE)).toThrow('CKR_ATTRIBUTE_SENSITIVE');
    const flags = {
      [pkcs11.CKA_TOKEN]: 1,
      [pkcs11.CKA_PRIVATE]: 1,
      [pkcs11.CKA_SENSITIVE]: 1,
      [pkcs11.CKA_ALWAYS_SENSITIVE]: 1,
      [pkcs11.CKA_EXTRACTABLE]: 0,
      [pkcs11.CKA_NEVER_EXTRACTABLE]: 1,
      [pkcs11.CKA_LOCAL]: 1,
      [pkcs11.CKA_ENCRYPT]: 1,
      [pkcs11.CKA_DECRYPT]: 1,
      [pkcs11.CKA_WRAP]: 0,
      [pkcs11.CKA_UNWRAP]: 0,
      [pkcs11.CKA_SIGN]: 0,
      [pkcs11.CKA_VERIFY]: 0,
      [pkcs11.CKA_DERIVE]: 0,
    };
    for (const [type, expected] of Object.entries(flags)) {
      expect([type, other.read(key, Number(type))[0]]).toEqual([type, expected]);
    }
    expect(other.read(key, pkcs11.CKA_LABEL).toString()).toBe(`claviger/test/${id.slice(0, 8)}`);
  });

  test('is used through a clone that is as protected and shares its id', async () => {
    const id = await newKey();
    await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    const [clone, second] = other.find(id, { token: false });
    expect(second).toBeUndefined();
    expect(other.read(clone, pkcs11.CKA_SENSITIVE)[0]).toBe(1);
    expect(other.read(clone, pkcs11.CKA_EXTRACTABLE)[0]).toBe(0);
    expect(() => other.read(clone, pkcs11.CKA_VALUE)).toThrow('CKR_ATTRIBUTE_SENSITIVE');
  });

  test('is not made twice under one id', async () => {
    const id = await newKey();
    await expect(generateAes(token, id, 'again')).rejects.toMatchObject({
      code: 'duplicate-key',
      message: `C_FindObjects: CKA_ID ${id} is taken`,
    });
    expect(other.find(id)).toHaveLength(1);
  });

  test('is not made twice by two callers at once', async () => {
    const id = newId();
    const made = await Promise.allSettled([
      generateAes(token, id, 'one'),
      generateAes(token, id, 'two'),
    ]);
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(other.find(id)).toHaveLength(1);
  });

  test('needs an id that is lower-case hex', async () => {
    await expect(generateAes(token, 'XY', 'label')).rejects.toMatchObject({
      code: 'failed',
      message: 'a token key id is lower-case hex of 1 to 64 bytes',
    });
  });
});

describe('handles', () => {
  test('a key that does not exist is key-not-found', async () => {
    await expect(async () =>
      token.encryptAesGcm(residentKey(newId()), aad, Buffer.from('x')),
    ).rejects.toMatchObject({
      code: 'key-not-found',
      message: 'C_FindObjects: no such key',
    });
  });

  test('two keys of one id are refused, not chosen from', async () => {
    const id = newId();
    const template = { id: Buffer.from(id, 'hex'), label: 'twin', modifiable: true };
    other.generate(generatedSecret(aesKind, 32, template));
    other.generate(generatedSecret(aesKind, 32, template));
    await expect(async () =>
      token.encryptAesGcm(residentKey(id), aad, Buffer.from('x')),
    ).rejects.toMatchObject({
      code: 'duplicate-key',
      message: `C_FindObjects: two keys have CKA_ID ${id}`,
    });
    await token.destroyKey(id);
    expect(other.find(id)).toHaveLength(0);
  });

  test('callers that miss together share one look-up', async () => {
    const id = await newKey();
    const before = token.counters();
    await Promise.all(
      Array.from({ length: 20 }, async () =>
        token.encryptAesGcm(residentKey(id), aad, Buffer.from('x')),
      ),
    );
    expect(other.find(id, { token: false })).toHaveLength(1);
    expect(token.counters().cachedKeys).toBeGreaterThan(0);
    expect(token.counters().cacheMisses - before.cacheMisses).toBe(20);
  });

  test('eviction destroys the clone, and the next use makes another', async () => {
    const id = await newKey();
    const sealed = await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    token.evict(id);
    expect(other.find(id, { token: false })).toHaveLength(0);
    expect(await token.decryptAesGcm(residentKey(id), { ...sealed, aad })).toEqual(
      Buffer.from('x'),
    );
    expect(other.find(id, { token: false })).toHaveLength(1);
  });

  test('eviction during a look-up leaves no clone behind but the new one', async () => {
    const id = await newKey();
    const using = token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    token.evict(id);
    await using;
    expect(other.find(id, { token: false })).toHaveLength(1);
    token.evict(id);
    expect(other.find(id, { token: false })).toHaveLength(0);
  });

  test('no more keys stay cached than were asked for', async () => {
    const ids = [];
    for (let count = 0; count < 6; count += 1) ids.push(await newKey());
    for (const id of ids) await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    expect(token.counters().cachedKeys).toBe(4);
    expect(ids.map((id) => other.find(id, { token: false }).length)).toEqual([0, 0, 1, 1, 1, 1]);
  });

  test('a clone destroyed behind our back is looked up again', async () => {
    const id = await newKey();
    await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    other.destroy(other.find(id, { token: false })[0]);
    const sealed = await token.encryptAesGcm(residentKey(id), aad, Buffer.from('y'));
    expect(await token.decryptAesGcm(residentKey(id), { ...sealed, aad })).toEqual(
      Buffer.from('y'),
    );
  });

  test('a key that the token will not copy is used as it is, still inline', async () => {
    const id = newId();
    other.generate(
      generatedSecret(aesKind, 32, {
        id: Buffer.from(id, 'hex'),
        label: 'sealed',
        modifiable: false,
      }),
    );
    const sealed = await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    expect(other.find(id, { token: false })).toHaveLength(0);
    expect(token.decryptAesGcm(residentKey(id), { ...sealed, aad })).toEqual(Buffer.from('x'));
    token.evict(id);
    expect(await token.decryptAesGcm(residentKey(id), { ...sealed, aad })).toEqual(
      Buffer.from('x'),
    );
  });

  test('a destroyed key is gone with its clone, and destroying it again is success', async () => {
    const id = await newKey();
    await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    await token.destroyKey(id);
    expect(other.find(id)).toHaveLength(0);
    expect(other.find(id, { token: false })).toHaveLength(0);
    await token.destroyKey(id);
    await expect(async () =>
      token.encryptAesGcm(residentKey(id), aad, Buffer.from('x')),
    ).rejects.toMatchObject({
      code: 'key-not-found',
    });
  });

  test('keys are listed by the beginning of their label', async () => {
    const id = newId();
    await generateAes(token, id, 'claviger/listed/1');
    expect(await token.listKeys('claviger/listed/')).toEqual([id]);
    expect(await token.listObjects('claviger/listed/')).toEqual([
      { kind: 'secret-key', id, label: 'claviger/listed/1' },
    ]);
    expect(await token.listKeys('nothing')).toEqual([]);
  });
});

describe('the rest', () => {
  test('random bytes have the length asked for', () => {
    expect(token.generateRandom(1)).toHaveLength(1);
    expect(token.generateRandom(65_536)).toHaveLength(65_536);
    expect(token.generateRandom(32)).not.toEqual(token.generateRandom(32));
    expect(() => token.generateRandom(0)).toThrow('C_GenerateRandom: length must be 1 to 65536');
  });

  test('each call is told to the observer with its outcome', async () => {
    outcomes.length = 0;
    const id = await newKey();
    await token.encryptAesGcm(residentKey(id), aad, Buffer.from('x'));
    await expect(async () =>
      token.decryptAesGcm(residentKey(id), {
        iv: Buffer.alloc(12),
        ciphertext: Buffer.alloc(20),
        aad,
      }),
    ).rejects.toMatchObject({ code: 'ciphertext-invalid' });
    await token.check();
    expect(outcomes).toEqual([
      'generateKey ok',
      'encryptAesGcm ok',
      'decryptAesGcm ciphertext-invalid',
      'check ok',
    ]);
  });

  test('status and capabilities say which token it is and what it proved', () => {
    expect(token.status()).toEqual({
      state: 'ready',
      label: hsm.label,
      serial: hsm.serial,
      manufacturer: 'SoftHSM project',
      model: 'SoftHSM v2',
    });
    expect(token.capabilities.mechanisms).toContain('CKM_AES_GCM');
    expect(token.capabilities.rows).toEqual([
      { name: 'SYMMETRIC_DEFAULT', mechanism: 'CKM_AES_GCM', supported: true, note: '' },
      { name: 'GenerateRandom', mechanism: 'C_GenerateRandom', supported: true, note: '' },
      {
        name: 'WRAPPED_MATERIAL',
        mechanism: 'CKM_AES_KEY_WRAP_PAD',
        supported: true,
        note: 'RFC 5649, for multiples of 8 bytes only',
      },
    ]);
  });
});
