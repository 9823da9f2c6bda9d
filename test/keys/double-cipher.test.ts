import { type Token, openToken } from '../../hsm';
import { Allowance } from '../../src/keys/allowance';
import { decodeCiphertext, encodeCiphertext } from '../../src/keys/ciphertext';
import { DoubleCipher } from '../../src/keys/double-cipher';
import { decodeExternalCiphertext } from '../../src/keys/external-ciphertext';
import type { Key } from '../../src/keys/key';
import { Keyring } from '../../src/keys/keyring';
import { type ExternallySealed, type XksClient, XksFault } from '../../src/xks-client/client';
import type { RequestMetadata } from '../../src/xks/metadata';
import { generateAes } from '../support/generated-keys';
import { keyWith, materialId } from '../support/sample-keys';
import { type SoftHsm, makeSoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

const plaintext = Buffer.from('attack at dawn');
const about: RequestMetadata = { kmsRequestId: 'the-request', kmsOperation: 'Encrypt' };
const use = (context?: Readonly<Record<string, string>>) => ({ context, about: () => about });

let hsm: SoftHsm;
let token: Token;
let keyring: Keyring;
let cipher: DoubleCipher;
let external: ReturnType<typeof externalManager>;
/** What the material still may. */
let allowed = 1000;

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm));
  await generateAes(token, materialId, 'claviger:test');
  const limits = {
    sizes: { first: 1, largest: 1 },
    reserve: (_: string, count: number) => {
      const granted = Math.min(count, allowed);
      allowed -= granted;
      return Promise.resolve(granted);
    },
  };
  keyring = new Keyring({
    tokens: { of: () => token },
    counts: { of: (id) => new Allowance(id, limits) },
    reread: () => Promise.resolve(undefined),
  });
});

beforeEach(() => {
  allowed = 1000;
  external = externalManager();
  const client = (id: string): XksClient => {
    expect(id).toBe('cks-1234567890abcdef0');
    return external.client;
  };
  cipher = new DoubleCipher({ keyring, storeConnections: { client } });
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

function externalKey(different: Partial<Key> = {}): Key {
  return keyWith({
    origin: 'EXTERNAL_KEY_STORE',
    customKeyStore: {
      id: 'cks-1234567890abcdef0',
      connectionState: 'CONNECTED',
      cloudHsmClusterId: undefined,
    },
    xksKeyId: 'the-key',
    ...different,
  });
}

/** Turns bytes around in place of encrypting them, and remembers what it was asked. */
function externalManager() {
  const seen: { id: string; bytes: Buffer; aad: Buffer; about: RequestMetadata }[] = [];
  const turned = (bytes: Buffer): Buffer => Buffer.from(bytes).reverse();
  let mangle = (bytes: Buffer): Buffer => bytes;
  const refuse = (): never => {
    throw new Error('nobody asks for it');
  };
  const client: XksClient = {
    metadata: refuse,
    health: refuse,
    close: refuse,
    encrypt(id, sealing) {
      seen.push({ ...sealing, id, bytes: Buffer.from(sealing.plaintext) });
      const sealed: ExternallySealed = {
        ciphertext: turned(sealing.plaintext),
        iv: Buffer.alloc(12, 1),
        tag: Buffer.alloc(16, 2),
        metadata: Buffer.from([1]),
      };
      return Promise.resolve(sealed);
    },
    decrypt(id, { sealed, ...opening }) {
      seen.push({ ...opening, id, bytes: sealed.ciphertext });
      return Promise.resolve(mangle(turned(sealed.ciphertext)));
    },
  };
  return {
    client,
    seen,
    give: (different: typeof mangle) => (mangle = different),
  };
}

const refused = { code: 'InvalidCiphertextException', message: '' };
const innerLayerInvalid = {
  code: 'KMSInvalidStateException',
  message:
    'The ciphertext that the external key store proxy submitted for decryption, or the encryption context, is corrupted, missing, or otherwise invalid.',
};

test('What is encrypted twice is decrypted twice', async () => {
  const key = externalKey();
  const { blob, keyMaterialId } = await cipher.encrypt(key, plaintext, use({ a: 'b' }));
  expect(keyMaterialId).toBeUndefined();
  expect(await cipher.decrypt(key, blob, use({ a: 'b' }))).toEqual({
    plaintext,
    keyMaterialId: undefined,
  });
});

test('The proxy sees a ciphertext of ours, with the same associated data as the token', async () => {
  const key = externalKey();
  const { blob } = await cipher.encrypt(key, plaintext, use());
  const [seen] = external.seen;
  if (seen === undefined) throw new Error('the proxy was not asked');
  expect(seen).toMatchObject({ id: 'the-key', about });
  expect(seen.bytes).toHaveLength(12 + plaintext.length + 16);
  expect(seen.bytes.includes(plaintext)).toBe(false);
  const { header } = decodeExternalCiphertext(blob);
  expect(seen.aad.subarray(0, 50)).toEqual(header);
  expect(seen.aad).toHaveLength(82);
  // It has the version in it: what the proxy saw makes no ciphertext that the token opens alone.
  const alone = encodeCiphertext({
    header: Buffer.from([1, ...header.subarray(1)]),
    iv: seen.bytes.subarray(0, 12),
    sealed: seen.bytes.subarray(12),
  });
  const opening = keyring.decrypt(key, decodeCiphertext(alone), undefined);
  await expect(opening).rejects.toMatchObject({ code: 'ciphertext-invalid' });
});

test('What the proxy gives back and the token does not open is an inner layer that is invalid', async () => {
  const key = externalKey();
  const { blob } = await cipher.encrypt(key, plaintext, use());
  external.give((bytes) => Buffer.from([...bytes.subarray(0, -1), (bytes.at(-1) ?? 0) ^ 1]));
  await expect(cipher.decrypt(key, blob, use())).rejects.toMatchObject(innerLayerInvalid);
  external.give((bytes) => bytes);
  // A proxy that does not look at its associated data lets another context through.
  await expect(cipher.decrypt(key, blob, use({ a: 'b' }))).rejects.toMatchObject(innerLayerInvalid);
});

test('What is no ciphertext of the key is refused, and no proxy is asked', async () => {
  const key = externalKey();
  const { blob } = await cipher.encrypt(key, plaintext, use());
  const inToken = (await keyring.encrypt(key, plaintext, undefined)).blob;
  const otherMaterial = Buffer.from(blob);
  otherMaterial.writeUInt8(otherMaterial.readUInt8(20) ^ 1, 20);
  const otherKey = Buffer.from(blob);
  otherKey.writeUInt8(otherKey.readUInt8(5) ^ 1, 5);
  const asked = external.seen.length;
  for (const bad of [inToken, otherMaterial, otherKey, blob.subarray(0, 80), Buffer.alloc(0)]) {
    await expect(cipher.decrypt(key, bad, use())).rejects.toMatchObject(refused);
  }
  expect(external.seen).toHaveLength(asked);
});

test('A fault of the proxy is for the corridor to tell', async () => {
  const fault = new XksFault('timed-out', 'no answer');
  external.client.encrypt = () => Promise.reject(fault);
  await expect(cipher.encrypt(externalKey(), plaintext, use())).rejects.toBe(fault);
});

test('Nothing is counted for a store that is not connected', async () => {
  allowed = 1;
  const away = new Error('not connected');
  const unconnected = new DoubleCipher({
    keyring,
    storeConnections: { client: () => Promise.reject(away) },
  });
  const key = externalKey();
  await expect(unconnected.encrypt(key, plaintext, use())).rejects.toBe(away);
  await cipher.encrypt(key, plaintext, use());
});

test('Each encryption is counted, and the last one is the last', async () => {
  allowed = 2;
  const key = externalKey();
  await cipher.encrypt(key, plaintext, use());
  await cipher.encrypt(key, plaintext, use());
  const asked = external.seen.length;
  await expect(cipher.encrypt(key, plaintext, use())).rejects.toMatchObject({
    code: 'KMSInvalidStateException',
    message: `${key.arn} has made as many encryptions under its current key material as one key material may make. Keys of custom key stores do not rotate: create another one.`,
  });
  expect(external.seen).toHaveLength(asked);
});

test('The largest plaintext is 4124 bytes to the proxy', async () => {
  const key = externalKey();
  const largest = Buffer.alloc(4096, 7);
  const { blob } = await cipher.encrypt(key, largest, use());
  expect(external.seen.at(-1)?.bytes).toHaveLength(4124);
  expect(blob.length).toBeLessThanOrEqual(6144);
  expect((await cipher.decrypt(key, blob, use())).plaintext).toEqual(largest);
});
