import type { Operation } from '../operation';
import type { KeyState } from '../shapes/kms.generated';
import { requireOrigin } from './rotation-rules';
import { onlyKey, targetByKeyOnly } from './targets';

/** Where the setting rests, and is said to be off; it is in force again when the deletion is cancelled (kms-semantics §8.1). */
const resting: readonly KeyState[] = ['PendingDeletion', 'PendingReplicaDeletion'];

/** A rotation on demand is done when it is answered, so there is none under way whose start could be shown. */
export const getKeyRotationStatus: Operation<'GetKeyRotationStatus'> = {
  name: 'GetKeyRotationStatus',
  rest: {
    method: 'GET',
    path: '/keys/{KeyId}/rotation',
    summary: 'Tells whether and when a key is rotated.',
  },
  readOnly: true,
  audited: ['KeyId'],
  targets: targetByKeyOnly('kms:GetKeyRotationStatus'),
  requires: { state: 'any' },
  verify: ({ keys }) => requireOrigin(onlyKey(keys), ['AWS_KMS']),

  run({ keys }) {
    const { arn, state, rotation } = onlyKey(keys);
    if (rotation === undefined || resting.includes(state)) {
      return { KeyId: arn, KeyRotationEnabled: false };
    }
    return {
      KeyId: arn,
      KeyRotationEnabled: true,
      NextRotationDate: rotation.nextAt,
      RotationPeriodInDays: rotation.periodDays,
    };
  },
};
