import type { Operation } from '../operation';
import { setState } from './set-state';
import { targetByKeyOnly } from './targets';

export const disableKey: Operation<'DisableKey'> = {
  name: 'DisableKey',
  readOnly: false,
  audited: ['KeyId'],
  targets: targetByKeyOnly('kms:DisableKey'),
  requires: { state: 'enablement' },
  write: (call, change) => setState(call, change, 'Disabled'),
};
