import type { Operation } from '../operation';
import { setState } from './set-state';
import { targetByKeyOnly } from './targets';

export const enableKey: Operation<'EnableKey'> = {
  name: 'EnableKey',
  readOnly: false,
  audited: ['KeyId'],
  targets: targetByKeyOnly('kms:EnableKey'),
  requires: { state: 'enablement' },
  write: (call, change) => setState(call, change, 'Enabled'),
};
