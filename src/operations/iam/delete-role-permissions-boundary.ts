import type { Operation } from '../../operation';
import { deletesBoundary } from './boundary';

export const deleteRolePermissionsBoundary: Operation<'DeleteRolePermissionsBoundary'> = {
  name: 'DeleteRolePermissionsBoundary',
  readOnly: false,
  audited: ['RoleName'],
  ...deletesBoundary('role', 'iam:DeleteRolePermissionsBoundary'),
};
