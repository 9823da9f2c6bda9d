import type { Operation } from '../../operation';
import { attachesPolicy } from './attached-policy';

export const attachUserPolicy: Operation<'AttachUserPolicy'> = {
  name: 'AttachUserPolicy',
  readOnly: false,
  audited: ['UserName', 'PolicyArn'],
  ...attachesPolicy('user', 'iam:AttachUserPolicy'),
};
