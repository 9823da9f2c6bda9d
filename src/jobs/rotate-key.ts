import { type RotationParts, advanceRotation, rotateNow } from '../keys/rotation';
import type { Job, Schedule } from './job';

/** Keys that rotate by themselves and are due. */
export const dueRotations: Schedule = {
  name: 'rotate-key',
  due: {
    from: 'kms_key k',
    where: `k.state = 'Enabled' and k.next_rotation_at is not null`,
    subject: 'k.key_id',
    at: 'k.next_rotation_at',
  },
};

/**
 * Gives keys that rotate by themselves new material when their date has come, in one transaction: killed at any point, the
 * key has its old material and is due, or its new one and is not. A key that is disabled is not due; enabled again after its
 * date, it is at once (kms-semantics §8.1).
 */
export function rotateKey(parts: RotationParts): Job {
  return {
    ...dueRotations,
    run: ({ subject: keyId, clockOffsetSeconds }) =>
      rotateNow(parts, {
        keyId,
        wanted: (transaction) => advanceRotation(transaction, { keyId, clockOffsetSeconds }),
      }),
  };
}
