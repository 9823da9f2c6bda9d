import type { Operation } from '../../operation';
import { putsInlinePolicy } from './inline-policy';

export const putRolePolicy: Operation<'PutRolePolicy'> = {
  name: 'PutRolePolicy',
  readOnly: false,
  audited: ['RoleName', 'PolicyName', 'PolicyDocument'],
  ...putsInlinePolicy('role', 'iam:PutRolePolicy'),
};
