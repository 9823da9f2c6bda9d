import type { Operation } from '../operation';
import { setState } from './set-state';
import { targetWithDaysUnused } from './targets';

export const disableKey: Operation<'DisableKey'> = {
  name: 'DisableKey',
  readOnly: false,
  audited: ['KeyId'],
  targets: targetWithDaysUnused('kms:DisableKey'),
  requires: { state: 'enablement' },
  write: (call, change) => setState(call, change, 'Disabled'),
};
