import { requireSignable, signingRequest } from '../keys/signing';
import type { Operation } from '../operation';
import { refuseDryRun } from './dry-run';
import { onlyKey, signingConditions, targetByKeyId } from './targets';

export const sign: Operation<'Sign'> = {
  name: 'Sign',
  rest: { method: 'POST', path: '/keys/{KeyId}/sign', summary: 'Signs a message, or its digest.' },
  readOnly: true,
  audited: ['KeyId', 'MessageType', 'SigningAlgorithm', 'DryRun'],
  crossAccount: true,
  usesKey: true,
  conditions: ({ input }) => signingConditions(input),
  targets: targetByKeyId('kms:Sign'),
  requires: { usage: 'SIGN_VERIFY', state: 'cryptographic' },
  verify: ({ input, keys }) => requireSignable(onlyKey(keys), input),

  async run({ input, keys, services: { materialUses, token } }) {
    const key = onlyKey(keys);
    refuseDryRun(input);
    const request = signingRequest(input);
    const Signature = await materialUses.use(key, (material) => token.sign(material, request));
    return { KeyId: key.arn, Signature, SigningAlgorithm: input.SigningAlgorithm };
  },
};
