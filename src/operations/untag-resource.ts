import { tagKeyConditions } from '../keys/conditions';
import { checkTagKeys, removeTags } from '../keys/tags';
import type { Operation } from '../operation';
import { onlyKey, targetByKeyOnly } from './targets';

export const untagResource: Operation<'UntagResource'> = {
  name: 'UntagResource',
  rest: { method: 'DELETE', path: '/keys/{KeyId}/tags', summary: 'Takes tags from a key.' },
  readOnly: false,
  audited: ['KeyId', 'TagKeys'],
  check: ({ TagKeys }) => checkTagKeys(TagKeys),
  conditions: ({ input }) => tagKeyConditions(input.TagKeys),
  targets: targetByKeyOnly('kms:UntagResource'),
  requires: { state: 'notPendingDeletion' },

  async write({ input, keys }, { transaction }) {
    const { keyId } = onlyKey(keys);
    await removeTags(transaction, keyId, input.TagKeys);
    transaction.announce({ topic: 'key-labels', id: keyId });
    return {};
  },
};
