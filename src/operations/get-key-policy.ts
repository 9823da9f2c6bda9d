import { KmsError } from '../errors';
import type { Operation } from '../operation';
import { policyName } from './key-policy';
import { onlyKey, targetByKeyOnly } from './targets';

export const getKeyPolicy: Operation<'GetKeyPolicy'> = {
  name: 'GetKeyPolicy',
  rest: { method: 'GET', path: '/keys/{KeyId}/policy', summary: 'Gives the key policy of a key.' },
  readOnly: true,
  audited: ['KeyId', 'PolicyName'],
  targets: targetByKeyOnly('kms:GetKeyPolicy'),
  requires: { state: 'any' },
  run({ input, keys }) {
    if (input.PolicyName !== undefined && input.PolicyName !== policyName) {
      throw new KmsError('NotFoundException', 'No such policy exists');
    }
    return { Policy: onlyKey(keys).policy.text, PolicyName: policyName };
  },
};
