import { materialKind } from '../keys/material-use';
import { publicKeyOf } from '../keys/public-key';
import { requireAlgorithm } from '../keys/specs';
import type { Operation } from '../operation';
import { refuseDryRun } from './dry-run';
import { onlyKey, targetByKeyId } from './targets';

/** kms:EncapsulationAlgorithm is named as the condition keys of the other algorithms are: AWS's lists have none yet. */
export const encapsulate: Operation<'Encapsulate'> = {
  name: 'Encapsulate',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/encapsulate',
    summary: 'Makes a shared secret and its ciphertext (ML-KEM).',
  },
  readOnly: true,
  audited: ['KeyId', 'EncapsulationAlgorithm', 'DryRun'],
  secret: 'SharedSecret',
  crossAccount: true,
  usesKey: true,
  conditions: ({ input }) => ({ 'kms:EncapsulationAlgorithm': input.EncapsulationAlgorithm }),
  targets: targetByKeyId('kms:Encapsulate'),
  requires: { usage: 'ENCAPSULATE_DECAPSULATE', state: 'cryptographic' },
  verify: ({ input, keys }) =>
    requireAlgorithm(onlyKey(keys), input.EncapsulationAlgorithm, 'EncapsulationAlgorithm'),

  async run({ input, keys, services }) {
    const key = onlyKey(keys);
    const publicKey = publicKeyOf(key);
    refuseDryRun(input);
    const { sharedSecret, ciphertext } = await services.token.encapsulate(
      materialKind(key),
      publicKey,
    );
    return {
      KeyId: key.arn,
      SharedSecret: sharedSecret,
      SharedSecretCiphertextBlob: ciphertext,
      EncapsulationAlgorithm: input.EncapsulationAlgorithm,
    };
  },
};
