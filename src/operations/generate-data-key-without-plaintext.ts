import type { Operation } from '../operation';
import type { GenerateDataKeyWithoutPlaintextResponse } from '../shapes/kms.generated';
import { checkDataKeyRequest, makeDataKey, requireSymmetric } from './data-key';
import { algorithmCondition, onlyKey, targetByKeyId } from './targets';

export const generateDataKeyWithoutPlaintext: Operation<'GenerateDataKeyWithoutPlaintext'> = {
  name: 'GenerateDataKeyWithoutPlaintext',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/generate-data-key-without-plaintext',
    summary: 'Makes a data key to be used later, encrypted only.',
  },
  readOnly: true,
  audited: ['KeyId', 'KeySpec', 'NumberOfBytes', 'EncryptionContext', 'DryRun'],
  crossAccount: true,
  usesKey: true,
  check: checkDataKeyRequest,
  conditions: () => algorithmCondition(undefined),
  targets: targetByKeyId('kms:GenerateDataKeyWithoutPlaintext'),
  identify: ({ keys }) => requireSymmetric(onlyKey(keys)),
  requires: { usage: 'ENCRYPT_DECRYPT', state: 'cryptographic' },

  async run(call) {
    const made = await makeDataKey('GenerateDataKeyWithoutPlaintext', call);
    made.plaintext.fill(0);
    const answer: GenerateDataKeyWithoutPlaintextResponse = {
      CiphertextBlob: made.blob,
      KeyId: onlyKey(call.keys).arn,
    };
    if (made.keyMaterialId !== undefined) answer.KeyMaterialId = made.keyMaterialId;
    return answer;
  },
  additionalEventData: ({ KeyMaterialId }) => ({ KeyMaterialId }),
};
