import type { Operation } from '../../operation';
import { deletesInlinePolicy } from './inline-policy';

export const deleteUserPolicy: Operation<'DeleteUserPolicy'> = {
  name: 'DeleteUserPolicy',
  readOnly: false,
  audited: ['UserName', 'PolicyName'],
  ...deletesInlinePolicy('user', 'iam:DeleteUserPolicy'),
};
