import type { Operation } from '../operation';
import { invalidMember } from '../errors';
import { acceptKeyPolicy, policyName, requireNoLockout } from './key-policy';
import { onlyKey, targetByKeyOnly } from './targets';

export const putKeyPolicy: Operation<'PutKeyPolicy'> = {
  name: 'PutKeyPolicy',
  rest: {
    method: 'PUT',
    path: '/keys/{KeyId}/policy',
    summary: 'Replaces the key policy of a key.',
  },
  readOnly: false,
  audited: ['KeyId', 'PolicyName', 'Policy', 'BypassPolicyLockoutSafetyCheck'],
  check({ PolicyName }) {
    if (PolicyName !== undefined && PolicyName !== policyName) {
      throw invalidMember('PolicyName', 'The only valid policy name is default.');
    }
  },
  conditions: ({ input }) => ({
    'kms:BypassPolicyLockoutSafetyCheck': input.BypassPolicyLockoutSafetyCheck?.toString(),
  }),
  targets: targetByKeyOnly('kms:PutKeyPolicy'),
  requires: { state: 'any' },

  async write(call, { transaction }) {
    const { input, keys, services } = call;
    const { keyId } = onlyKey(keys);
    const { place, limits } = services;
    const given = { text: input.Policy, place, limits };
    const policy = await acceptKeyPolicy(transaction, given);
    requireNoLockout(call, await services.keys.setPolicy(transaction, keyId, policy));
    transaction.announce({ topic: 'key', id: keyId });
    return {};
  },
};
