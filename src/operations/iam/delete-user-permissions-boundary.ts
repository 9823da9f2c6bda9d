import type { Operation } from '../../operation';
import { deletesBoundary } from './boundary';

export const deleteUserPermissionsBoundary: Operation<'DeleteUserPermissionsBoundary'> = {
  name: 'DeleteUserPermissionsBoundary',
  readOnly: false,
  audited: ['UserName'],
  ...deletesBoundary('user', 'iam:DeleteUserPermissionsBoundary'),
};
