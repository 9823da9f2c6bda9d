import type { Operation } from '../operation';
import {
  checkDataKeyPairRequest,
  dataKeyPairConditions,
  makeDataKeyPair,
  requireSealsKeyPairs,
} from './data-key-pair';
import { requireSymmetric } from './data-key';
import { onlyKey, targetByKeyId } from './targets';

export const generateDataKeyPair: Operation<'GenerateDataKeyPair'> = {
  name: 'GenerateDataKeyPair',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/generate-data-key-pair',
    summary: 'Makes a key pair, its private key in the clear and encrypted.',
  },
  readOnly: true,
  audited: ['KeyId', 'KeyPairSpec', 'EncryptionContext', 'DryRun'],
  secret: 'PrivateKeyPlaintext',
  forRecipient: { withheld: [] },
  crossAccount: true,
  usesKey: true,
  takesLong: true,
  check: checkDataKeyPairRequest,
  conditions: ({ input }) => dataKeyPairConditions(input),
  targets: targetByKeyId('kms:GenerateDataKeyPair'),
  identify: ({ keys }) => requireSymmetric(onlyKey(keys)),
  requires: { usage: 'ENCRYPT_DECRYPT', state: 'cryptographic' },
  verify: ({ keys }) => requireSealsKeyPairs(onlyKey(keys)),

  async run({ input, keys, services, caller }) {
    const key = onlyKey(keys);
    const made = await makeDataKeyPair({ services, caller }, key, input);
    return {
      PrivateKeyCiphertextBlob: made.blob,
      PrivateKeyPlaintext: made.privateKey,
      PublicKey: made.publicKey,
      KeyId: key.arn,
      KeyPairSpec: input.KeyPairSpec,
      KeyMaterialId: made.keyMaterialId,
    };
  },
  additionalEventData: ({ KeyMaterialId }) => ({ KeyMaterialId }),
};
