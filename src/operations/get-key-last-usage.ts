import type { Operation } from '../operation';
import { usageOf } from './key-usage';
import { onlyKey, targetByKeyOnly } from './targets';

/** The answer's KeyId is the bare id: the API model describes it in the words for that of KeyMetadata. */
export const getKeyLastUsage: Operation<'GetKeyLastUsage'> = {
  name: 'GetKeyLastUsage',
  rest: {
    method: 'GET',
    path: '/keys/{KeyId}/last-usage',
    summary: 'Tells when a key was last used, and for what.',
  },
  readOnly: true,
  audited: ['KeyId'],
  targets: targetByKeyOnly('kms:GetKeyLastUsage'),
  requires: { state: 'any' },

  async run({ keys, services }) {
    const key = onlyKey(keys);
    const { trackedFrom, lastUse } = await usageOf(services, key);
    return {
      KeyId: key.keyId,
      KeyCreationDate: key.createdAt,
      TrackingStartDate: trackedFrom,
      ...(lastUse && {
        KeyLastUsage: {
          Operation: lastUse.operation,
          Timestamp: lastUse.at,
          CloudTrailEventId: lastUse.eventId,
          KmsRequestId: lastUse.requestId,
        },
      }),
    };
  },
};
