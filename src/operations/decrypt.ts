import { requireEncryptionWith } from '../keys/encryption';
import { checkEncryptionContextSize } from '../keys/encryption-context';
import type { Call, Operation, Target } from '../operation';
import type { DecryptResponse } from '../shapes/kms.generated';
import { requireBlob, requireMaker, targetInCiphertext } from './ciphertext-target';
import { checkIgnoreCiphertext, ignoresCiphertext, refuseDryRun } from './dry-run';
import { keyUse } from './key-use';
import { algorithmCondition, effectiveAlgorithm, onlyKey } from './targets';

const action = 'kms:Decrypt';

export const decrypt: Operation<'Decrypt'> = {
  name: 'Decrypt',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/decrypt',
    summary: 'Decrypts a ciphertext, such as that of a data key.',
  },
  readOnly: true,
  audited: ['KeyId', 'EncryptionContext', 'EncryptionAlgorithm', 'DryRun'],
  auditedDefaults: { EncryptionAlgorithm: effectiveAlgorithm(undefined) },
  secret: 'Plaintext',
  forRecipient: { withheld: ['KeyMaterialId'] },
  crossAccount: true,
  usesKey: true,
  check(input) {
    checkIgnoreCiphertext(input, { ciphertext: input.CiphertextBlob, keyId: input.KeyId });
    checkEncryptionContextSize(input.EncryptionContext);
  },
  conditions: ({ input }) => algorithmCondition(input.EncryptionAlgorithm),
  targets,
  // A wrong KeyId is found before its usage and state are looked at (kms-semantics §4.4).
  identify({ input, keys }) {
    if (ignoresCiphertext(input)) return;
    const algorithm = effectiveAlgorithm(input.EncryptionAlgorithm);
    requireMaker({ blob: input.CiphertextBlob, algorithm, named: input.KeyId }, onlyKey(keys));
  },
  requires: { usage: 'ENCRYPT_DECRYPT', state: 'cryptographic' },
  verify({ input, keys }) {
    const algorithm = effectiveAlgorithm(input.EncryptionAlgorithm);
    requireEncryptionWith(onlyKey(keys), algorithm, input.EncryptionContext);
  },

  async run(call) {
    const { input, keys, services } = call;
    const key = onlyKey(keys);
    if (ignoresCiphertext(input)) refuseDryRun(input);
    const algorithm = effectiveAlgorithm(input.EncryptionAlgorithm);
    const cipher = services.encryption.by(algorithm);
    const blob = requireBlob(input.CiphertextBlob);
    const use = keyUse('Decrypt', call, input.EncryptionContext);
    const { plaintext, keyMaterialId } = await cipher.decrypt(key, blob, use);
    refuseDryRun(input, plaintext);
    const answer: DecryptResponse = {
      KeyId: key.arn,
      Plaintext: plaintext,
      EncryptionAlgorithm: algorithm,
    };
    if (keyMaterialId !== undefined) answer.KeyMaterialId = keyMaterialId;
    return answer;
  },
  additionalEventData: ({ KeyMaterialId }) => ({ KeyMaterialId }),
};

async function targets({ input, caller, services }: Call<'Decrypt'>): Promise<readonly Target[]> {
  const encryptionContext = input.EncryptionContext;
  if (input.KeyId === undefined) {
    const asked = { action, encryptionContext };
    return [await targetInCiphertext(input.CiphertextBlob, asked, services.finder)];
  }
  return [
    { ...(await services.finder.resolve(input.KeyId, { caller, action })), encryptionContext },
  ];
}
