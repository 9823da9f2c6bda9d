import type { Operation } from '../../operation';
import { putsBoundary } from './boundary';

export const putRolePermissionsBoundary: Operation<'PutRolePermissionsBoundary'> = {
  name: 'PutRolePermissionsBoundary',
  readOnly: false,
  audited: ['RoleName', 'PermissionsBoundary'],
  ...putsBoundary('role', 'iam:PutRolePermissionsBoundary'),
};
