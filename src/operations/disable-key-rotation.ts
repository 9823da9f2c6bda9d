import { disableRotation } from '../keys/rotation';
import type { Operation } from '../operation';
import { requireOrigin } from './rotation-rules';
import { onlyKey, targetByKeyOnly } from './targets';

/** Of a key that never rotates by itself it succeeds, and does nothing (kms-semantics §8.1). */
export const disableKeyRotation: Operation<'DisableKeyRotation'> = {
  name: 'DisableKeyRotation',
  rest: {
    method: 'DELETE',
    path: '/keys/{KeyId}/rotation',
    summary: 'Stops the automatic rotation of a key.',
  },
  readOnly: false,
  audited: ['KeyId'],
  targets: targetByKeyOnly('kms:DisableKeyRotation'),
  requires: { state: 'rotatable' },
  verify: ({ keys }) => requireOrigin(onlyKey(keys), ['AWS_KMS']),

  async write({ keys }, { transaction }) {
    const { keyId } = onlyKey(keys);
    await disableRotation(transaction, keyId);
    transaction.announce({ topic: 'key', id: keyId });
    return {};
  },
};
