import { requestTagConditions } from '../keys/conditions';
import { checkTags, putTags } from '../keys/tags';
import type { Operation } from '../operation';
import { onlyKey, targetByKeyOnly } from './targets';

export const tagResource: Operation<'TagResource'> = {
  name: 'TagResource',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/tags',
    summary: 'Tags a key; tags of the same names are overwritten.',
  },
  readOnly: false,
  audited: ['KeyId', 'Tags'],
  check: ({ Tags }) => checkTags(Tags),
  conditions: ({ input }) => requestTagConditions(input.Tags),
  targets: targetByKeyOnly('kms:TagResource'),
  requires: { state: 'notPendingDeletion' },

  async write({ input, keys }, { transaction }) {
    const { keyId } = onlyKey(keys);
    await putTags(transaction, keyId, input.Tags);
    transaction.announce({ topic: 'key-labels', id: keyId });
    return {};
  },
};
