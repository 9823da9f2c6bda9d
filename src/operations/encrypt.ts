import { checkEncryptionContextSize } from '../keys/encryption-context';
import type { Operation } from '../operation';
import { requireAlgorithm } from '../keys/specs';
import { algorithmCondition, onlyKey, targetByKeyId } from './targets';
import { refuseDryRun } from './dry-run';

export const encrypt: Operation<'Encrypt'> = {
  name: 'Encrypt',
  readOnly: true,
  audited: ['KeyId', 'EncryptionContext', 'EncryptionAlgorithm', 'DryRun'],
  crossAccount: true,
  usesKey: true,
  check: (input) => checkEncryptionContextSize(input.EncryptionContext),
  conditions: ({ input }) => algorithmCondition(input.EncryptionAlgorithm),
  targets: targetByKeyId('kms:Encrypt'),
  requires: { usage: 'ENCRYPT_DECRYPT', state: 'cryptographic' },
  verify: ({ input, keys }) =>
    requireAlgorithm(onlyKey(keys), input.EncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'),

  async run({ input, keys, services }) {
    const key = onlyKey(keys);
    refuseDryRun(input);
    const { blob } = await services.keyring.encrypt(key, input.Plaintext, input.EncryptionContext);
    return { CiphertextBlob: blob, KeyId: key.arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
  },
  // AWS says it in the record and not in the answer (kms-semantics §8.5).
  additionalEventData: (_output, keys) => ({ KeyMaterialId: onlyKey(keys).currentMaterial?.id }),
};
