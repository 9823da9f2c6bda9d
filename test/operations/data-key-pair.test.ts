import type { DataKeyPair } from '../../hsm';
import type { Key } from '../../src/keys/key';
import type { Services } from '../../src/operation';
import {
  checkDataKeyPairRequest,
  makeDataKeyPair,
  requireSealsKeyPairs,
} from '../../src/operations/data-key-pair';
import { generateDataKeyPair } from '../../src/operations/generate-data-key-pair';
import { generateDataKeyPairWithoutPlaintext } from '../../src/operations/generate-data-key-pair-without-plaintext';
import type { KeyState } from '../../src/shapes/kms.generated';
import { accountId, callFacts, keyWith, materialId, rootOf } from '../support/sample-keys';

const key = keyWith();
const request = { KeyPairSpec: 'RSA_2048', EncryptionContext: { a: 'b' } } as const;
const secret = Buffer.from('a private key');
/** Of another account than the key. */
const caller = rootOf('444455556666');

interface Stage {
  readonly services: Services;
  readonly pairs: DataKeyPair[];
  readonly sealed: unknown[];
  /** On whose behalf pairs were made. */
  readonly askers: unknown[];
}

/** A token whose pairs take long: until one is there the key is as it is `now`. */
function stageWith(now: Key | undefined, failure?: Error): Stage {
  const pairs: DataKeyPair[] = [];
  const sealed: unknown[] = [];
  const askers: unknown[] = [];
  const services = {
    token: {
      generateDataKeyPair: (_spec: string, asker: unknown) => {
        askers.push(asker);
        const pair = { privateKey: Buffer.from(secret), publicKey: Buffer.from('public') };
        pairs.push(pair);
        return Promise.resolve(pair);
      },
    },
    finder: { byId: () => (pairs.length === 0 ? key : now) },
    keyring: {
      encrypt: (by: Key, plaintext: Buffer, context: unknown) => {
        if (failure !== undefined) return Promise.reject(failure);
        sealed.push({ by, plaintext: Buffer.from(plaintext), context });
        return Promise.resolve({ blob: Buffer.from('sealed'), keyMaterialId: materialId });
      },
    },
  } as unknown as Services;
  return { services, pairs, sealed, askers };
}

const isWiped = ({ privateKey }: DataKeyPair): boolean => privateKey.every((byte) => byte === 0);

test('the private key is sealed by the key as it is when the pair is there', async () => {
  const rotated = keyWith();
  const { services, sealed, askers } = stageWith(rotated);
  expect(await makeDataKeyPair({ services, caller }, key, request)).toEqual({
    privateKey: secret,
    publicKey: Buffer.from('public'),
    blob: Buffer.from('sealed'),
    keyMaterialId: materialId,
  });
  expect(sealed).toEqual([{ by: rotated, plaintext: secret, context: { a: 'b' } }]);
  expect(askers).toEqual([caller.accountId]);
});

const refusals: readonly (readonly [KeyState, string, string])[] = [
  ['Disabled', 'DisabledException', `${key.arn} is disabled.`],
  ['PendingDeletion', 'KMSInvalidStateException', `${key.arn} is pending deletion.`],
  ['PendingImport', 'KMSInvalidStateException', `${key.arn} is pending import.`],
];
test.each(refusals)(
  'a key that is %s by then seals nothing, and the private key is wiped',
  async (state, code, message) => {
    const { services, pairs, sealed } = stageWith(keyWith({ state }));
    const made = makeDataKeyPair({ services, caller }, key, request);
    await expect(made).rejects.toMatchObject({ code, message });
    expect([sealed, pairs.map(isWiped)]).toEqual([[], [true]]);
  },
);

test('a key that is gone by then does not exist', async () => {
  const { services, pairs } = stageWith(undefined);
  await expect(makeDataKeyPair({ services, caller }, key, request)).rejects.toMatchObject({
    code: 'NotFoundException',
    message: `Key '${key.arn}' does not exist`,
  });
  expect(pairs.map(isWiped)).toEqual([true]);
});

test('the private key is wiped where it could not be sealed', async () => {
  const { services, pairs } = stageWith(key, new Error('the token is away'));
  await expect(makeDataKeyPair({ services, caller }, key, request)).rejects.toThrow(
    'the token is away',
  );
  expect(pairs.map(isWiped)).toEqual([true]);
});

test('a dry run makes no pair', async () => {
  const { services, pairs } = stageWith(key);
  await expect(
    makeDataKeyPair({ services, caller }, key, { ...request, DryRun: true }),
  ).rejects.toMatchObject({
    code: 'DryRunOperationException',
  });
  expect(pairs).toEqual([]);
});

test('without plaintext it is wiped at once; with it, it is what the corridor wipes', async () => {
  const { services, pairs } = stageWith(key);
  const input = { KeyId: key.keyId, ...request };
  const call = { input, services, keys: [key], caller: rootOf(accountId), ...callFacts };
  const run = async (operation: object): Promise<object> =>
    (operation as { run(given: object): Promise<object> }).run(call);
  const answer = {
    PrivateKeyCiphertextBlob: Buffer.from('sealed'),
    PublicKey: Buffer.from('public'),
    KeyId: key.arn,
    KeyPairSpec: 'RSA_2048',
    KeyMaterialId: materialId,
  };
  expect(await run(generateDataKeyPairWithoutPlaintext)).toEqual(answer);
  expect(await run(generateDataKeyPair)).toEqual({ ...answer, PrivateKeyPlaintext: secret });
  expect(pairs.map(isWiped)).toEqual([true, false]);
  expect(generateDataKeyPair).toMatchObject({ secret: 'PrivateKeyPlaintext' });
});

test('SM2 is refused by name, before anything is looked for', () => {
  expect(() => checkDataKeyPairRequest({ KeyPairSpec: 'SM2' })).toThrow(
    expect.objectContaining({
      code: 'UnsupportedOperationException',
      message: 'KeyPairSpec SM2 is not supported: PKCS#11 has no mechanism for it.',
    }) as Error,
  );
});

test('keys of custom key stores seal no pairs', () => {
  requireSealsKeyPairs(keyWith({ origin: 'EXTERNAL' }));
  for (const origin of ['AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE'] as const) {
    expect(() => requireSealsKeyPairs(keyWith({ origin }))).toThrow(
      expect.objectContaining({
        code: 'UnsupportedOperationException',
        message: `${key.arn} origin is ${origin} which is not valid for this operation.`,
      }) as Error,
    );
  }
});
