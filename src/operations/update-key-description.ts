import { checkDescription } from '../keys/description';
import type { Operation } from '../operation';
import { onlyKey, targetByKeyOnly } from './targets';

export const updateKeyDescription: Operation<'UpdateKeyDescription'> = {
  name: 'UpdateKeyDescription',
  rest: {
    method: 'PUT',
    path: '/keys/{KeyId}/description',
    summary: 'Changes the description of a key.',
  },
  readOnly: false,
  audited: ['KeyId', 'Description'],
  check: checkDescription,
  targets: targetByKeyOnly('kms:UpdateKeyDescription'),
  requires: { state: 'notPendingDeletion' },

  async write({ input, keys, services }, { transaction }) {
    const { keyId } = onlyKey(keys);
    await services.keys.setDescription(transaction, keyId, input.Description);
    transaction.announce({ topic: 'key', id: keyId });
    return {};
  },
};
