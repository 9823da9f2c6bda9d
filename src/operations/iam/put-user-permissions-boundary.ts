import type { Operation } from '../../operation';
import { putsBoundary } from './boundary';

export const putUserPermissionsBoundary: Operation<'PutUserPermissionsBoundary'> = {
  name: 'PutUserPermissionsBoundary',
  readOnly: false,
  audited: ['UserName', 'PermissionsBoundary'],
  ...putsBoundary('user', 'iam:PutUserPermissionsBoundary'),
};
