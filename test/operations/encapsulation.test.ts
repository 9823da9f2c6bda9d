import { createHash, randomBytes } from 'node:crypto';
import type { MaterialKind, Token } from '../../hsm';
import type { Key } from '../../src/keys/key';
import { decapsulate } from '../../src/operations/decapsulate';
import { encapsulate } from '../../src/operations/encapsulate';
import { perform } from '../support/perform';
import { refusalOf } from '../support/refusal';
import { keyWith } from '../support/sample-keys';

/*
 * The token here is a stand-in: it has neither ML-KEM nor keys, and shows what the operations ask of one. What a token
 * does is tested in conformance/encapsulation.test.ts.
 */
const publicKey = Buffer.from('a public key in DER');
const secretOf = (ciphertext: Buffer) => createHash('sha256').update(ciphertext).digest();
let asked: (MaterialKind | Buffer)[] = [];
const token: Partial<Token> = {
  encapsulate: (kind, key) => {
    asked.push(kind, key);
    const ciphertext = randomBytes(768);
    return Promise.resolve({ ciphertext, sharedSecret: secretOf(ciphertext) });
  },
  decapsulate: ({ kind }, ciphertext) => {
    asked.push(kind, ciphertext);
    return Promise.resolve(secretOf(ciphertext));
  },
};
beforeEach(() => {
  asked = [];
});

const algorithm = { EncapsulationAlgorithm: 'ML_KEM' } as const;
const usage = 'ENCAPSULATE_DECAPSULATE' as const;
const specs = [
  ['ML_KEM_512', 768],
  ['ML_KEM_768', 1088],
  ['ML_KEM_1024', 1568],
] as const;

function keyOf(keySpec: (typeof specs)[number][0], more: Partial<Key> = {}): Key {
  const key = keyWith({ keySpec, keyUsage: usage, ...more });
  const { currentMaterial: material } = key;
  if (material === undefined) throw new Error('the key has no material');
  return { ...key, currentMaterial: { ...material, publicKey: publicKey.toString('base64') } };
}

const open = (key: Key, SharedSecretCiphertextBlob: Buffer, more: object = {}) =>
  perform(decapsulate, {
    key,
    token,
    input: { ...algorithm, SharedSecretCiphertextBlob, ...more },
  });
const seal = (key: Key, more: object = {}) =>
  perform(encapsulate, { key, token, input: { ...algorithm, ...more } });

const dryRun = {
  code: 'DryRunOperationException',
  message: 'The request would have succeeded, but the DryRun option is set.',
};

describe.each(specs)('A key of %s', (spec, bytes) => {
  const key = keyOf(spec);
  const kind = { spec, usage };

  test('encapsulates with its public key', async () => {
    const { SharedSecret, SharedSecretCiphertextBlob, ...rest } = await seal(key);
    expect(rest).toEqual({ KeyId: key.arn, ...algorithm });
    expect(SharedSecret).toEqual(secretOf(SharedSecretCiphertextBlob!));
    expect(asked).toEqual([kind, publicKey]);
  });

  test('decapsulates any ciphertext of the right length', async () => {
    const ciphertext = randomBytes(bytes);
    expect(await open(key, ciphertext)).toEqual({
      ...{ KeyId: key.arn, SharedSecret: secretOf(ciphertext) },
      ...algorithm,
    });
    expect(asked).toEqual([kind, ciphertext]);
  });

  test('asks the token nothing about a ciphertext of another length, nor in a dry run', async () => {
    const others = specs.flatMap(([, length]) => (length === bytes ? [] : length));
    for (const length of [1, 32, bytes - 1, bytes + 1, 6144, ...others]) {
      for (const more of [{}, { DryRun: true }]) {
        expect(await refusalOf(() => open(key, Buffer.alloc(length), more))).toEqual({
          code: 'InvalidCiphertextException',
          message: '',
        });
      }
    }
    expect(await refusalOf(() => open(key, Buffer.alloc(bytes), { DryRun: true }))).toEqual(dryRun);
    expect(await refusalOf(() => seal(key, { DryRun: true }))).toEqual(dryRun);
    expect(asked).toEqual([]);
  });
});

test.each([
  ['Disabled', 'DisabledException', 'is disabled.'],
  ['PendingDeletion', 'KMSInvalidStateException', 'is pending deletion.'],
] as const)('A key that is %s does neither', async (state, code, what) => {
  const key = keyOf('ML_KEM_768', { state });
  const refused = { code, message: `${key.arn} ${what}` };
  expect(await refusalOf(() => seal(key))).toEqual(refused);
  expect(await refusalOf(() => open(key, Buffer.of(0)))).toEqual(refused);
});

test('A key of another usage does neither', async () => {
  const key = keyWith({ keySpec: 'ECC_NIST_P256', keyUsage: 'KEY_AGREEMENT' });
  for (const [name, doing] of [
    ['Encapsulate', () => seal(key)],
    ['Decapsulate', () => open(key, Buffer.of(0))],
  ] as const) {
    expect(await refusalOf(doing)).toEqual({
      code: 'InvalidKeyUsageException',
      message: `${key.arn} key usage is KEY_AGREEMENT which is not valid for ${name}.`,
    });
  }
});
