import { generateKeyPairSync } from 'node:crypto';
import type { MaterialKey, Token } from '../../hsm';
import { deriveSharedSecret } from '../../src/operations/derive-shared-secret';
import { perform } from '../support/perform';
import { refusalOf } from '../support/refusal';
import { keyWith } from '../support/sample-keys';

const key = keyWith({ keySpec: 'ECC_NIST_P256', keyUsage: 'KEY_AGREEMENT', origin: 'EXTERNAL' });
const SharedSecret = Buffer.alloc(32, 7);
let asked: (readonly [MaterialKey, Buffer])[] = [];
const token: Partial<Token> = {
  agree: (material, peer) => {
    asked.push([material, peer]);
    return SharedSecret;
  },
};
beforeEach(() => {
  asked = [];
});

const publicKey = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'der', type: 'spki' });
const algorithm = { KeyAgreementAlgorithm: 'ECDH' } as const;
const derive = (PublicKey: Buffer, more: object = {}, on = key) =>
  perform(deriveSharedSecret, { key: on, token, input: { ...algorithm, PublicKey, ...more } });

test('the token is given the peer’s point, and the answer is what it says', async () => {
  const peer = publicKey('P-256');
  expect(await derive(peer)).toEqual({
    ...{ KeyId: key.arn, SharedSecret, KeyOrigin: 'EXTERNAL' },
    ...algorithm,
  });
  const kind = { spec: 'ECC_NIST_P256', usage: 'KEY_AGREEMENT' };
  const material = { id: key.currentMaterial?.id, wrapped: undefined, kind };
  expect(asked).toEqual([[material, peer.subarray(-65)]]);
});

test('the token never sees what is no public key on the curve, in a dry run neither', async () => {
  const good = publicKey('P-256');
  const offCurve = Buffer.from(good);
  offCurve[90] = (offCurve[90] ?? 0) ^ 1;
  for (const bad of [
    publicKey('P-384'),
    publicKey('secp256k1'),
    offCurve,
    Buffer.concat([good.subarray(0, 27), Buffer.alloc(64)]),
    Buffer.concat([good, Buffer.of(0)]),
    good.subarray(0, -1),
    good.subarray(26),
    Buffer.alloc(8192),
    Buffer.of(0),
  ]) {
    for (const more of [{}, { DryRun: true }]) {
      expect(await refusalOf(() => derive(bad, more))).toEqual({
        code: 'ValidationException',
        message: '',
      });
    }
  }
  expect(asked).toEqual([]);
});

test('a dry run asks the token nothing', async () => {
  expect(await refusalOf(() => derive(publicKey('P-256'), { DryRun: true }))).toEqual({
    code: 'DryRunOperationException',
    message: 'The request would have succeeded, but the DryRun option is set.',
  });
  expect(asked).toEqual([]);
});

test('a key of another usage is refused before the public key is looked at', async () => {
  const signing = keyWith({ keySpec: 'ECC_NIST_P256', keyUsage: 'SIGN_VERIFY', state: 'Disabled' });
  expect(await refusalOf(() => derive(Buffer.of(0), {}, signing))).toEqual({
    code: 'InvalidKeyUsageException',
    message: `${key.arn} key usage is SIGN_VERIFY which is not valid for DeriveSharedSecret.`,
  });
});
