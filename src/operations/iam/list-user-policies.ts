import type { Operation } from '../../operation';
import { listsInlinePolicies } from './inline-policy';

export const listUserPolicies: Operation<'ListUserPolicies'> = {
  name: 'ListUserPolicies',
  readOnly: true,
  audited: ['UserName', 'Marker', 'MaxItems'],
  ...listsInlinePolicies('user', 'iam:ListUserPolicies'),
};
