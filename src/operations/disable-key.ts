import type { Operation } from '../operation';
import { setState } from './set-state';
import { targetWithDaysUnused } from './targets';

export const disableKey: Operation<'DisableKey'> = {
  name: 'DisableKey',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/disable',
    summary: 'Disables a key: nothing can be done with it until it is enabled.',
  },
  readOnly: false,
  audited: ['KeyId'],
  targets: targetWithDaysUnused('kms:DisableKey'),
  requires: { state: 'enablement' },
  write: (call, change) => setState(call, change, 'Disabled'),
};
