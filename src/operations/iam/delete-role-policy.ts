import type { Operation } from '../../operation';
import { deletesInlinePolicy } from './inline-policy';

export const deleteRolePolicy: Operation<'DeleteRolePolicy'> = {
  name: 'DeleteRolePolicy',
  readOnly: false,
  audited: ['RoleName', 'PolicyName'],
  ...deletesInlinePolicy('role', 'iam:DeleteRolePolicy'),
};
