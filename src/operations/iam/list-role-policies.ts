import type { Operation } from '../../operation';
import { listsInlinePolicies } from './inline-policy';

export const listRolePolicies: Operation<'ListRolePolicies'> = {
  name: 'ListRolePolicies',
  readOnly: true,
  audited: ['RoleName', 'Marker', 'MaxItems'],
  ...listsInlinePolicies('role', 'iam:ListRolePolicies'),
};
