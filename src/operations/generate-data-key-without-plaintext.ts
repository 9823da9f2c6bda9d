import type { Operation } from '../operation';
import { checkDataKeyRequest, makeDataKey, requireSymmetric } from './data-key';
import { algorithmCondition, onlyKey, targetByKeyId } from './targets';

export const generateDataKeyWithoutPlaintext: Operation<'GenerateDataKeyWithoutPlaintext'> = {
  name: 'GenerateDataKeyWithoutPlaintext',
  readOnly: true,
  audited: ['KeyId', 'KeySpec', 'NumberOfBytes', 'EncryptionContext', 'DryRun'],
  crossAccount: true,
  usesKey: true,
  check: checkDataKeyRequest,
  conditions: () => algorithmCondition(undefined),
  targets: targetByKeyId('kms:GenerateDataKeyWithoutPlaintext'),
  identify: ({ keys }) => requireSymmetric(onlyKey(keys)),
  requires: { usage: 'ENCRYPT_DECRYPT', state: 'cryptographic' },

  async run({ input, keys, services }) {
    const key = onlyKey(keys);
    const { plaintext, blob, keyMaterialId } = await makeDataKey(services, key, input);
    plaintext.fill(0);
    return { CiphertextBlob: blob, KeyId: key.arn, KeyMaterialId: keyMaterialId };
  },
  additionalEventData: ({ KeyMaterialId }) => ({ KeyMaterialId }),
};
