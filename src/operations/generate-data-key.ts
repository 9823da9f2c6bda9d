import type { Operation } from '../operation';
import type { GenerateDataKeyResponse } from '../shapes/kms.generated';
import { checkDataKeyRequest, makeDataKey, requireSymmetric } from './data-key';
import { algorithmCondition, onlyKey, targetByKeyId } from './targets';

export const generateDataKey: Operation<'GenerateDataKey'> = {
  name: 'GenerateDataKey',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/generate-data-key',
    summary: 'Makes a data key: in the clear to use now, and encrypted to keep.',
  },
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

  async run(call) {
    const { plaintext, blob, keyMaterialId } = await makeDataKey('GenerateDataKey', call);
    const answer: GenerateDataKeyResponse = {
      CiphertextBlob: blob,
      Plaintext: plaintext,
      KeyId: onlyKey(call.keys).arn,
    };
    if (keyMaterialId !== undefined) answer.KeyMaterialId = keyMaterialId;
    return answer;
  },
  additionalEventData: ({ KeyMaterialId }) => ({ KeyMaterialId }),
};
