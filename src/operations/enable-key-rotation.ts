import { defaultPeriodDays, enableRotation } from '../keys/rotation';
import type { Operation } from '../operation';
import { requireOrigin, requireRotatable } from './rotation-rules';
import { onlyKey, targetByKeyOnly } from './targets';

export const enableKeyRotation: Operation<'EnableKeyRotation'> = {
  name: 'EnableKeyRotation',
  rest: {
    method: 'PUT',
    path: '/keys/{KeyId}/rotation',
    summary: 'Has new key material made for a key again and again.',
  },
  readOnly: false,
  audited: ['KeyId', 'RotationPeriodInDays'],
  conditions: ({ input: { RotationPeriodInDays: days = defaultPeriodDays } }) => ({
    'kms:RotationPeriodInDays': String(days),
  }),
  targets: targetByKeyOnly('kms:EnableKeyRotation'),
  requires: { state: 'rotatable' },
  verify({ keys }) {
    const key = onlyKey(keys);
    requireRotatable(key);
    requireOrigin(key, ['AWS_KMS']);
  },

  async write({ input, keys }, { transaction }) {
    const { keyId } = onlyKey(keys);
    await enableRotation(transaction, keyId, input.RotationPeriodInDays ?? defaultPeriodDays);
    transaction.announce({ topic: 'key', id: keyId });
    return {};
  },
};
