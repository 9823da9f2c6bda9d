import { cancelDeletion } from '../keys/deletion';
import type { Operation } from '../operation';
import { onlyKey, targetByKeyOnly } from './targets';

export const cancelKeyDeletion: Operation<'CancelKeyDeletion'> = {
  name: 'CancelKeyDeletion',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/cancel-deletion',
    summary: 'Cancels the deletion of a key, which is disabled then.',
  },
  readOnly: false,
  audited: ['KeyId'],
  targets: targetByKeyOnly('kms:CancelKeyDeletion'),
  requires: { state: 'pendingDeletion' },

  async write({ keys }, { transaction }) {
    const { keyId, arn } = onlyKey(keys);
    await cancelDeletion(transaction, keyId);
    transaction.announce({ topic: 'key', id: keyId });
    return { KeyId: arn };
  },
};
