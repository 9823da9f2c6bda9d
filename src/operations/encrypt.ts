import { requireEncryptionWith } from '../keys/encryption';
import { checkEncryptionContextSize } from '../keys/encryption-context';
import { shownMaterialId } from '../keys/key';
import type { Operation } from '../operation';
import { refuseDryRun } from './dry-run';
import { keyUse } from './key-use';
import { algorithmCondition, effectiveAlgorithm, onlyKey, targetByKeyId } from './targets';

export const encrypt: Operation<'Encrypt'> = {
  name: 'Encrypt',
  rest: { method: 'POST', path: '/keys/{KeyId}/encrypt', summary: 'Encrypts up to 4,096 bytes.' },
  readOnly: true,
  audited: ['KeyId', 'EncryptionContext', 'EncryptionAlgorithm', 'DryRun'],
  auditedDefaults: { EncryptionAlgorithm: effectiveAlgorithm(undefined) },
  crossAccount: true,
  usesKey: true,
  check: (input) => checkEncryptionContextSize(input.EncryptionContext),
  conditions: ({ input }) => algorithmCondition(input.EncryptionAlgorithm),
  targets: targetByKeyId('kms:Encrypt'),
  requires: { usage: 'ENCRYPT_DECRYPT', state: 'cryptographic' },
  verify({ input, keys, services }) {
    const key = onlyKey(keys);
    const algorithm = effectiveAlgorithm(input.EncryptionAlgorithm);
    requireEncryptionWith(key, algorithm, input.EncryptionContext);
    services.encryption.by(algorithm).requireFits(key, input.Plaintext.length, 'Plaintext');
  },

  async run(call) {
    const { input, keys, services } = call;
    const key = onlyKey(keys);
    refuseDryRun(input);
    const algorithm = effectiveAlgorithm(input.EncryptionAlgorithm);
    const cipher = services.encryption.by(algorithm);
    const use = keyUse('Encrypt', call, input.EncryptionContext);
    const { blob } = await cipher.encrypt(key, input.Plaintext, use);
    return { CiphertextBlob: blob, KeyId: key.arn, EncryptionAlgorithm: algorithm };
  },
  // AWS says it in the record and not in the answer (kms-semantics §8.5), and of symmetric keys alone (§16.4).
  additionalEventData(_output, keys) {
    const key = onlyKey(keys);
    return { KeyMaterialId: shownMaterialId(key, key.currentMaterial?.id) };
  },
};
