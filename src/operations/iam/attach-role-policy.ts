import type { Operation } from '../../operation';
import { attachesPolicy } from './attached-policy';

export const attachRolePolicy: Operation<'AttachRolePolicy'> = {
  name: 'AttachRolePolicy',
  readOnly: false,
  audited: ['RoleName', 'PolicyArn'],
  ...attachesPolicy('role', 'iam:AttachRolePolicy'),
};
