import type { Operation } from '../operation';
import { setState } from './set-state';
import { targetByKeyOnly } from './targets';

export const enableKey: Operation<'EnableKey'> = {
  name: 'EnableKey',
  rest: { method: 'POST', path: '/keys/{KeyId}/enable', summary: 'Enables a key.' },
  readOnly: false,
  audited: ['KeyId'],
  targets: targetByKeyOnly('kms:EnableKey'),
  requires: { state: 'enablement' },
  write: (call, change) => setState(call, change, 'Enabled'),
};
