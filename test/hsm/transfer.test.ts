import { createPublicKey, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { openToken, type GcmSealed, type Token, type WrappedMaterial } from '../../hsm/index';
import { generateAes, generateWrappedAes } from '../support/generated-keys';
import { intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

const aad = Buffer.from('context');
const newId = (): string => randomBytes(32).toString('hex');
const [exportable, kept, transferKeyId] = [newId(), newId(), newId()] as const;

/** The token at the first site has `hsm`'s label; a process opens one token of a module at a time. */
let hsm: SoftHsm;
let second: SoftHsm;
let publicKey: Buffer;
let exported: Buffer;
let material: WrappedMaterial;
let sealed: GcmSealed;

async function at<T>(site: SoftHsm, work: (token: Token) => Promise<T>): Promise<T> {
  const token = await openToken(tokenOptions(site, { durableDirectory: site.tokenDir }));
  try {
    return await work(token);
  } finally {
    await token.close();
  }
}

beforeAll(async () => {
  hsm = await makeSoftHsm();
  const label = 'second-site';
  second = { ...hsm, label, serial: await hsm.addToken(label) };
  publicKey = await at(second, (token) => token.generateTransferKeyPair(transferKeyId, 'transfer'));
  await at(hsm, async (token) => {
    await token.createWrappingKey(exportable, 'claviger:wrapping', { exportable: true });
    await token.createWrappingKey(kept, 'claviger:wrapping', { exportable: false });
    material = await generateWrappedAes(token, exportable);
    const key = { id: newId(), wrapped: material };
    sealed = await token.encryptAesGcm(key, aad, Buffer.from('first site'));
    exported = await token.exportWrappingKey(exportable, publicKey);
  });
}, 60_000);

afterAll(() => hsm.remove());

const imported = (wrapped: Buffer): Parameters<Token['importWrappingKey']>[0] => ({
  id: newId(),
  label: 'claviger:wrapping:imported',
  transferKeyId,
  wrapped,
  exportable: false,
});

/** One token for the tests of a block. */
function opened(site: () => SoftHsm): <T>(work: (token: Token) => Promise<T>) => Promise<T> {
  let token: Token | undefined;
  beforeAll(async () => {
    token = await openToken(tokenOptions(site(), { durableDirectory: site().tokenDir }));
  });
  afterAll(() => token?.close());
  return (work) => (token === undefined ? Promise.reject(new Error('not open')) : work(token));
}

test('the public key of a transfer pair is RSA-4096', () => {
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  expect([key.asymmetricKeyType, key.asymmetricKeyDetails?.modulusLength]).toEqual(['rsa', 4096]);
});

function spki(key: ReturnType<typeof createPublicKey>): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

/** An entry as another token would make it. */
function entry(hash: 'sha1' | 'sha256', value: Buffer): Buffer {
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  return Buffer.concat([
    Buffer.of(hash === 'sha1' ? 1 : 2),
    publicEncrypt({ key, oaepHash: hash }, value),
  ]);
}

const unwrapped = 'C_UnwrapKey: CKR_GENERAL_ERROR';

describe('at the first site', () => {
  const on = opened(() => hsm);

  test('what was not made to be exported is not, and leaves nothing behind', async () => {
    await on(async (token) => {
      await expect(token.exportWrappingKey(kept, publicKey)).rejects.toMatchObject({
        name: 'HsmError',
        code: 'not-exportable',
        message: `wrapping key ${kept} was not made to be exported`,
      });
      const missing = newId();
      await expect(token.exportWrappingKey(missing, publicKey)).rejects.toMatchObject({
        code: 'key-not-found',
        message: `C_FindObjects: no wrapping key ${missing}`,
      });
      const resident = newId();
      await generateAes(token, resident, 'claviger/test');
      await expect(token.exportWrappingKey(resident, publicKey)).rejects.toMatchObject({
        code: 'key-not-found',
        message: `C_GetAttributeValue: key ${resident} is not a wrapping key`,
      });
      expect(intruder(hsm).all({ token: false })).toEqual([]);
    });
  });

  test.each<[string, () => Buffer]>([
    ['no key at all', () => Buffer.from('no key')],
    ['an RSA-2048 key', () => spki(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)],
    ['an EC key', () => spki(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)],
  ])('a wrapping key is not exported to %s', async (_what, receiver) => {
    await on((token) =>
      expect(token.exportWrappingKey(exportable, receiver())).rejects.toMatchObject({
        code: 'failed',
        message: 'the public key is no RSA-4096 key (SubjectPublicKeyInfo in DER)',
      }),
    );
  });
});

describe('at the second site', () => {
  const on = opened(() => second);

  test('a transfer pair unwraps and does nothing else, and its id is used once', async () => {
    await on(async (token) => {
      const other = intruder(second);
      const [key, more] = other.find(transferKeyId);
      expect(more).toBeUndefined();
      const flags = {
        [pkcs11.CKA_SENSITIVE]: 1,
        [pkcs11.CKA_EXTRACTABLE]: 0,
        [pkcs11.CKA_NEVER_EXTRACTABLE]: 1,
        [pkcs11.CKA_UNWRAP]: 1,
        [pkcs11.CKA_DECRYPT]: 0,
        [pkcs11.CKA_SIGN]: 0,
        [pkcs11.CKA_DERIVE]: 0,
      };
      for (const [type, expected] of Object.entries(flags)) {
        expect([type, other.read(key, Number(type))[0]]).toEqual([type, expected]);
      }
      await expect(token.generateTransferKeyPair(transferKeyId, 'again')).rejects.toMatchObject({
        code: 'duplicate-key',
        message: `C_FindObjects: CKA_ID ${transferKeyId} is taken`,
      });
    });
  });

  test('material wrapped in one token is used in another that was given its wrapping key', async () => {
    const key = { ...imported(exported), id: exportable };
    await on(async (token) => {
      await token.importWrappingKey(key);
      const opened = await token.decryptAesGcm(
        { id: newId(), wrapped: material },
        { ...sealed, aad },
      );
      expect(opened.toString()).toBe('first site');
      await expect(token.importWrappingKey(key)).rejects.toMatchObject({
        code: 'duplicate-key',
        message: `C_FindObjects: CKA_ID ${exportable} is taken`,
      });
      await expect(token.exportWrappingKey(exportable, publicKey)).rejects.toMatchObject({
        code: 'not-exportable',
        message: `wrapping key ${exportable} was not made to be exported`,
      });
      const other = intruder(second);
      const [object] = other.find(exportable);
      expect(() => other.read(object, pkcs11.CKA_VALUE)).toThrow('CKR_ATTRIBUTE_SENSITIVE');
      const label = other.read(object, pkcs11.CKA_LABEL).toString();
      expect(label).toBe('claviger:wrapping:imported');
      token.evictAll();
      expect(other.all({ token: false })).toEqual([]);
    });
  });

  test('a key imported as exportable goes on to the next token', async () => {
    const key = { ...imported(exported), exportable: true };
    await on(async (token) => {
      await token.importWrappingKey(key);
      expect(await token.exportWrappingKey(key.id, publicKey)).toHaveLength(exported.length);
      await token.destroyKey(key.id);
    });
  });

  test('a token takes the entry of the hash that it has', async () => {
    const value = randomBytes(32);
    const key = imported(Buffer.concat([entry('sha256', value), entry('sha1', value)]));
    await on(async (token) => {
      await token.importWrappingKey(key);
      await generateWrappedAes(token, key.id);
      await token.destroyKey(key.id);
    });
  });

  test.each<[string, () => Buffer, string, string]>([
    ['it is empty', () => Buffer.alloc(0), 'material-invalid', 'this is no exported wrapping key'],
    [
      'it is cut off',
      () => exported.subarray(0, 500),
      'material-invalid',
      'this is no exported wrapping key',
    ],
    [
      'its hash is unknown',
      () => Buffer.concat([Buffer.of(9), exported.subarray(1)]),
      'material-invalid',
      'this is no exported wrapping key',
    ],
    [
      'it has too many entries',
      () => Buffer.concat([exported, exported, exported]),
      'material-invalid',
      'this is no exported wrapping key',
    ],
    [
      'it was tampered with',
      () => {
        const copy = Buffer.from(exported);
        copy.writeUInt8(copy.readUInt8(100) ^ 1, 100);
        return copy;
      },
      'material-invalid',
      unwrapped,
    ],
    [
      'it holds a key of 128 bits',
      () => entry('sha1', randomBytes(16)),
      'material-invalid',
      'C_UnwrapKey: the wrapping key is not of 256 bits',
    ],
  ])('a wrapping key is not imported when %s', async (_what, wrapped, code, message) => {
    const key = imported(wrapped());
    await on(async (token) => {
      await expect(token.importWrappingKey(key)).rejects.toMatchObject({ code, message });
      const other = intruder(second);
      expect(other.find(key.id)).toEqual([]);
      expect(other.all({ token: false })).toEqual([]);
      expect(token.status().state).toBe('ready');
    });
  });

  test('a wrapping key under a hash that the token lacks is not imported', async () => {
    const key = imported(entry('sha256', randomBytes(32)));
    await on((token) =>
      expect(token.importWrappingKey(key)).rejects.toMatchObject({
        code: 'mechanism-missing',
        message: 'CKM_RSA_PKCS_OAEP: C_UnwrapKey: CKR_ARGUMENTS_BAD',
      }),
    );
  });

  test('a wrapping key is not imported without the pair that it was exported to', async () => {
    const lost = newId();
    await on((token) =>
      expect(
        token.importWrappingKey({ ...imported(exported), transferKeyId: lost }),
      ).rejects.toMatchObject({
        code: 'key-not-found',
        message: `C_FindObjects: no transfer key ${lost}`,
      }),
    );
  });
});
