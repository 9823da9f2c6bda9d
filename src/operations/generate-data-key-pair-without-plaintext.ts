import type { Operation } from '../operation';
import {
  checkDataKeyPairRequest,
  dataKeyPairConditions,
  makeDataKeyPair,
  requireSealsKeyPairs,
} from './data-key-pair';
import { requireSymmetric } from './data-key';
import { onlyKey, targetByKeyId } from './targets';

export const generateDataKeyPairWithoutPlaintext: Operation<'GenerateDataKeyPairWithoutPlaintext'> =
  {
    name: 'GenerateDataKeyPairWithoutPlaintext',
    rest: {
      method: 'POST',
      path: '/keys/{KeyId}/generate-data-key-pair-without-plaintext',
      summary: 'Makes a key pair, its private key encrypted only.',
    },
    readOnly: true,
    audited: ['KeyId', 'KeyPairSpec', 'EncryptionContext', 'DryRun'],
    crossAccount: true,
    usesKey: true,
    takesLong: true,
    check: checkDataKeyPairRequest,
    conditions: ({ input }) => dataKeyPairConditions(input),
    targets: targetByKeyId('kms:GenerateDataKeyPairWithoutPlaintext'),
    identify: ({ keys }) => requireSymmetric(onlyKey(keys)),
    requires: { usage: 'ENCRYPT_DECRYPT', state: 'cryptographic' },
    verify: ({ keys }) => requireSealsKeyPairs(onlyKey(keys)),

    async run({ input, keys, services, caller }) {
      const key = onlyKey(keys);
      const made = await makeDataKeyPair({ services, caller }, key, input);
      made.privateKey.fill(0);
      return {
        PrivateKeyCiphertextBlob: made.blob,
        PublicKey: made.publicKey,
        KeyId: key.arn,
        KeyPairSpec: input.KeyPairSpec,
        KeyMaterialId: made.keyMaterialId,
      };
    },
    additionalEventData: ({ KeyMaterialId }) => ({ KeyMaterialId }),
  };
