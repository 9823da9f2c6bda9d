import { invalidMember } from '../errors';
import { scheduleDeletion } from '../keys/deletion';
import type { Operation } from '../operation';
import { onlyKey, targetWithDaysUnused } from './targets';

const defaultWindow = 30;

export const scheduleKeyDeletion: Operation<'ScheduleKeyDeletion'> = {
  name: 'ScheduleKeyDeletion',
  rest: {
    method: 'DELETE',
    path: '/keys/{KeyId}',
    summary: 'Schedules the deletion of a key, after a waiting time.',
  },
  readOnly: false,
  audited: ['KeyId', 'PendingWindowInDays'],
  check({ PendingWindowInDays: days = defaultWindow }) {
    if (days < 7 || days > 30) {
      throw invalidMember('PendingWindowInDays', 'PendingWindowInDays must be between 7 and 30');
    }
  },
  conditions: ({ input: { PendingWindowInDays: days = defaultWindow } }) => ({
    'kms:ScheduleKeyDeletionPendingWindowInDays': String(days),
  }),
  targets: targetWithDaysUnused('kms:ScheduleKeyDeletion'),
  requires: { state: 'deletable' },

  async write({ input, keys }, { transaction }) {
    const { keyId, arn } = onlyKey(keys);
    const { PendingWindowInDays = defaultWindow } = input;
    const DeletionDate = await scheduleDeletion(transaction, keyId, PendingWindowInDays);
    transaction.announce({ topic: 'key', id: keyId });
    return { KeyId: arn, DeletionDate, KeyState: 'PendingDeletion', PendingWindowInDays };
  },

  responseElements: (_call, output) => ({ ...output }),
};
