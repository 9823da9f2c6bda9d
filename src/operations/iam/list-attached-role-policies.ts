import type { Operation } from '../../operation';
import { listsAttachedPolicies } from './attached-policy';

export const listAttachedRolePolicies: Operation<'ListAttachedRolePolicies'> = {
  name: 'ListAttachedRolePolicies',
  readOnly: true,
  audited: ['RoleName', 'PathPrefix', 'Marker', 'MaxItems'],
  ...listsAttachedPolicies('role', 'iam:ListAttachedRolePolicies'),
};
