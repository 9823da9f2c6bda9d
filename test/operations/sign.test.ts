import { hash } from 'node:crypto';
import type { MaterialKey, SigningRequest, Token } from '../../hsm';
import { HsmError } from '../../hsm';
import { toKmsError } from '../../src/failures';
import { getPublicKey } from '../../src/operations/get-public-key';
import { sign } from '../../src/operations/sign';
import { verify } from '../../src/operations/verify';
import { perform } from '../support/perform';
import { refusalOf } from '../support/refusal';
import { Message, pairOf, signedWith, signingKey } from '../support/signing-keys';

const { key, privateKey } = pairOf('ECC_NIST_P256');
const P256 = { SigningAlgorithm: 'ECDSA_SHA_256' } as const;
const signature = signedWith(privateKey, 'ECDSA_SHA_256');

let asked: [MaterialKey, SigningRequest][] = [];
const token: Partial<Token> = {
  sign: (material, request) => {
    asked.push([material, request]);
    return signature;
  },
};
beforeEach(() => {
  asked = [];
});

test('the token is told the key, its spec and usage, and signs the digest', async () => {
  const digest = hash('sha256', Message, 'buffer');
  const ways = [{ Message }, { Message: digest, MessageType: 'DIGEST' as const }];
  for (const way of ways) {
    expect(await perform(sign, { key, token, input: { ...P256, ...way } })).toEqual({
      ...{ KeyId: key.arn, Signature: signature },
      ...P256,
    });
  }
  const material = {
    ...{ id: key.currentMaterial?.id, wrapped: undefined },
    kind: { spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY' },
  };
  const request = { algorithm: 'ECDSA_SHA_256', input: digest, externalMu: false };
  expect(asked).toEqual(ways.map(() => [material, request]));
});

test('the token is asked for nothing that is refused, a dry run, or verified', async () => {
  const wrong = [
    { input: { ...P256, Message, DryRun: true }, code: 'DryRunOperationException' },
    { input: { SigningAlgorithm: 'ECDSA_SHA_384', Message }, code: 'InvalidKeyUsageException' },
    { input: { ...P256, Message, MessageType: 'DIGEST' }, code: 'ValidationException' },
  ] as const;
  for (const { input, code } of wrong) {
    expect(await refusalOf(() => perform(sign, { key, token, input }))).toMatchObject({ code });
  }
  const input = { ...P256, Message, Signature: signature };
  expect(await perform(verify, { key, token, input })).toEqual({
    ...{ KeyId: key.arn, SignatureValid: true, ...P256 },
  });
  expect(asked).toEqual([]);
});

test('a mechanism that the token lacks is named', async () => {
  const lacking: Partial<Token> = {
    sign: () => {
      throw new HsmError('mechanism-missing', 'the token lacks CKM_ML_DSA');
    },
  };
  const ofLattice = signingKey('ML_DSA_65', Buffer.alloc(1974));
  const input = { SigningAlgorithm: 'ML_DSA_SHAKE_256', Message } as const;
  const signing = perform(sign, { key: ofLattice, token: lacking, input });
  const error = await signing.then(undefined, toKmsError);
  expect(error).toMatchObject({
    ...{ code: 'UnsupportedOperationException', message: 'the token lacks CKM_ML_DSA' },
  });
});

test.each([
  ['ML_DSA_44', 'SIGN_VERIFY', { SigningAlgorithms: ['ML_DSA_SHAKE_256'] }],
  ['ML_KEM_768', 'ENCAPSULATE_DECAPSULATE', { EncapsulationAlgorithms: ['ML_KEM'] }],
] as const)('the public key of %s is answered with its one list of algorithms', async (...row) => {
  const [keySpec, keyUsage, lists] = row;
  const PublicKey = Buffer.from('DER of a public key');
  const asymmetric = { ...signingKey(keySpec, PublicKey), keyUsage };
  expect(await perform(getPublicKey, { key: asymmetric, token, input: {} })).toEqual({
    ...{ KeyId: asymmetric.arn, PublicKey, KeyUsage: keyUsage },
    ...{ KeySpec: keySpec, CustomerMasterKeySpec: keySpec, ...lists },
  });
});
