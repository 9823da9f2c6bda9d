import { HsmError, type Token, openToken } from '../../hsm';
import { KmsError } from '../../src/errors';
import { Allowance } from '../../src/keys/allowance';
import { decodeCiphertext } from '../../src/keys/ciphertext';
import { Encryption } from '../../src/keys/encryption';
import type { Key } from '../../src/keys/key';
import { KeyTokens } from '../../src/keys/key-tokens';
import { Keyring } from '../../src/keys/keyring';
import { MaterialUses } from '../../src/keys/material-use';
import { storeFailure } from '../../src/keys/store-failures';
import { type FurtherToken, makeFurtherToken, openFurtherToken } from '../support/further-token';
import { generateAes } from '../support/generated-keys';
import { keyWith, materialId } from '../support/sample-keys';
import { type SoftHsm, makeSoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

/** A key of a store, and which of two real tokens it is used in: both have material of its id, and not the same. */
let hsm: SoftHsm;
let further: FurtherToken;
let token: Token;
let cluster: Token;
/** What the store's connection answers. */
let connection: () => Token | Promise<Token>;
let keyTokens: KeyTokens;
let encryption: Encryption;

beforeAll(async () => {
  [hsm, further] = [await makeSoftHsm(), await makeFurtherToken()];
  await hsm.activate();
  token = await openToken(tokenOptions(hsm));
  cluster = await openFurtherToken(further);
  await generateAes(token, materialId, 'claviger:test');
  await generateAes(cluster, materialId, 'claviger:test');
  const storeConnections = { token: () => connection(), openTokens: () => [cluster] };
  keyTokens = new KeyTokens({ token, storeConnections });
  const source = { sizes: { first: 100, largest: 100 }, reserve: () => Promise.resolve(100) };
  const reread = (): Promise<undefined> => Promise.resolve(undefined);
  const counts = { of: (id: string) => new Allowance(id, source) };
  encryption = new Encryption({
    keyring: new Keyring({ tokens: keyTokens, counts, reread }),
    external: { encrypt: unasked, decrypt: unasked },
    ...{ token, materialUses: new MaterialUses({ reread }) },
  });
});
afterAll(async () => {
  await Promise.all([token.close(), cluster.close()]);
  await Promise.all([hsm.remove(), further.remove()]);
});
beforeEach(() => (connection = () => cluster));

const plaintext = Buffer.from('attack at dawn');
const use = { context: undefined, about: unasked };
const customKeyStore = {
  id: 'cks-1234567890abcdef0',
  connectionState: 'CONNECTED',
  cloudHsmClusterId: 'cluster-aaaaaaaaaaa',
} as const;
const inCluster = keyWith({ origin: 'AWS_CLOUDHSM', customKeyStore });

function unasked(): never {
  throw new Error('no proxy is asked');
}

const seal = (key: Key) => encryption.symmetric.encrypt(key, plaintext, use);

test('a key of a cluster is used in the token of the cluster, and any other in the main one', async () => {
  const there = await seal(inCluster);
  const here = await seal(keyWith());
  expect([there.keyMaterialId, here.keyMaterialId]).toEqual([undefined, materialId]);
  const opened = await encryption.symmetric.decrypt(inCluster, there.blob, use);
  expect(opened).toEqual({ plaintext, keyMaterialId: undefined });
  // The header is the same: only the material is another.
  expect(decodeCiphertext(there.blob).header).toEqual(decodeCiphertext(here.blob).header);
  for (const [key, blob] of [
    [inCluster, here.blob],
    [keyWith(), there.blob],
  ] as const) {
    await expect(encryption.symmetric.decrypt(key, blob, use)).rejects.toMatchObject({
      code: 'ciphertext-invalid',
    });
  }
});

test('a connection that is not open yet is waited for', async () => {
  connection = () => Promise.resolve(cluster);
  const { blob } = await seal(inCluster);
  expect((await encryption.symmetric.decrypt(inCluster, blob, use)).plaintext).toEqual(plaintext);
});

test('own material of a key in an external key store is in the main token', () => {
  const key = keyWith({ origin: 'EXTERNAL_KEY_STORE', customKeyStore, xksKeyId: 'x' });
  connection = unasked;
  expect([keyTokens.of(key) === token, keyTokens.of(keyWith()) === token]).toEqual([true, true]);
});

test('what keeps a store from being connected is told as it is', async () => {
  const refusal = new KmsError('KMSInvalidStateException', 'the store is away');
  connection = () => {
    throw refusal;
  };
  await expect(seal(inCluster)).rejects.toBe(refusal);
  connection = () => Promise.reject(refusal);
  await expect(seal(inCluster)).rejects.toBe(refusal);
});

const away = 'KMS cannot communicate with your CloudHSM cluster';
test.each([
  ['token-unavailable', away],
  ['deadline', away],
  ['pin-incorrect', away],
  ['key-not-found', `${inCluster.arn} is unavailable.`],
] as const)('a token of a cluster that fails with %s is a matter of state', (code, message) => {
  const error = new HsmError(code, 'C_Encrypt');
  const failure = { code: 'KMSInvalidStateException', message, cause: error };
  expect(storeFailure(inCluster, error)).toMatchObject(failure);
  // It is none of the state of any other key.
  expect(storeFailure(keyWith(), error)).toBe(error);
});

test.each(['busy', 'ciphertext-invalid', 'duplicate-key', 'failed'] as const)(
  'one that fails with %s fails as the main token does',
  (code) => {
    const error = new HsmError(code, 'C_Encrypt');
    expect(storeFailure(inCluster, error)).toBe(error);
  },
);
