import type { Operation } from '../operation';
import { checkDataKeyRequest, makeDataKey, requireSymmetric } from './data-key';
import { algorithmCondition, onlyKey, targetByKeyId } from './targets';

export const generateDataKey: Operation<'GenerateDataKey'> = {
  name: 'GenerateDataKey',
  readOnly: true,
  audited: ['KeyId', 'KeySpec', 'NumberOfBytes', 'EncryptionContext', 'DryRun'],
  secret: 'Plaintext',
  forRecipient: { withheld: ['KeyMaterialId'] },
  crossAccount: true,
  usesKey: true,
  check: checkDataKeyRequest,
  conditions: () => algorithmCondition(undefined),
  targets: targetByKeyId('kms:GenerateDataKey'),
  identify: ({ keys }) => requireSymmetric(onlyKey(keys)),
  requires: { usage: 'ENCRYPT_DECRYPT', state: 'cryptographic' },

  async run({ input, keys, services }) {
    const key = onlyKey(keys);
    const { plaintext, blob, keyMaterialId } = await makeDataKey(services, key, input);
    return {
      CiphertextBlob: blob,
      Plaintext: plaintext,
      KeyId: key.arn,
      KeyMaterialId: keyMaterialId,
    };
  },
  additionalEventData: ({ KeyMaterialId }) => ({ KeyMaterialId }),
};
