import { checkEncryptionContextSize } from '../keys/encryption-context';
import { requireAlgorithm } from '../keys/specs';
import type { Call, Operation, Target } from '../operation';
import { readCiphertext, requireMaker, targetInCiphertext } from './ciphertext-target';
import { checkIgnoreCiphertext, ignoresCiphertext, refuseDryRun } from './dry-run';
import { algorithmCondition, onlyKey } from './targets';

const action = 'kms:Decrypt';

export const decrypt: Operation<'Decrypt'> = {
  name: 'Decrypt',
  readOnly: true,
  audited: ['KeyId', 'EncryptionContext', 'EncryptionAlgorithm', 'DryRun'],
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
    requireMaker(input, { named: input.KeyId, key: onlyKey(keys) });
  },
  requires: { usage: 'ENCRYPT_DECRYPT', state: 'cryptographic' },
  verify: ({ input, keys }) =>
    requireAlgorithm(onlyKey(keys), input.EncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'),
  forRecipient: { sealed: 'Plaintext', withheld: ['KeyMaterialId'] },

  async run({ input, keys, services }) {
    const key = onlyKey(keys);
    if (ignoresCiphertext(input)) refuseDryRun(input);
    const { plaintext, keyMaterialId } = await services.keyring.decrypt(
      key,
      readCiphertext(input),
      input.EncryptionContext,
    );
    refuseDryRun(input);
    return {
      KeyId: key.arn,
      Plaintext: plaintext,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      KeyMaterialId: keyMaterialId,
    };
  },
  additionalEventData: ({ KeyMaterialId }) => ({ KeyMaterialId }),
};

async function targets({ input, caller, services }: Call<'Decrypt'>): Promise<readonly Target[]> {
  const encryptionContext = input.EncryptionContext;
  if (input.KeyId === undefined) {
    const asked = { action, encryptionContext };
    return [await targetInCiphertext(readCiphertext(input), asked, services.finder)];
  }
  return [
    { ...(await services.finder.resolve(input.KeyId, { caller, action })), encryptionContext },
  ];
}
