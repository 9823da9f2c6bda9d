import type { Operation } from '../../operation';
import { detachesPolicy } from './attached-policy';

export const detachRolePolicy: Operation<'DetachRolePolicy'> = {
  name: 'DetachRolePolicy',
  readOnly: false,
  audited: ['RoleName', 'PolicyArn'],
  ...detachesPolicy('role', 'iam:DetachRolePolicy'),
};
