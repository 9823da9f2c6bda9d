import { requireSignable, requireSignature } from '../keys/signing';
import type { Operation } from '../operation';
import { refuseDryRun } from './dry-run';
import { onlyKey, signingConditions, targetByKeyId } from './targets';

/** With the public half of the key, which is not the token's to keep. */
export const verify: Operation<'Verify'> = {
  name: 'Verify',
  rest: { method: 'POST', path: '/keys/{KeyId}/verify', summary: 'Verifies a signature.' },
  readOnly: true,
  audited: ['KeyId', 'MessageType', 'SigningAlgorithm', 'DryRun'],
  crossAccount: true,
  usesKey: true,
  conditions: ({ input }) => signingConditions(input),
  targets: targetByKeyId('kms:Verify'),
  requires: { usage: 'SIGN_VERIFY', state: 'cryptographic' },
  verify: ({ input, keys }) => requireSignable(onlyKey(keys), input),

  run({ input, keys }) {
    const key = onlyKey(keys);
    requireSignature(key, input, input.Signature);
    refuseDryRun(input);
    return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: input.SigningAlgorithm };
  },
};
