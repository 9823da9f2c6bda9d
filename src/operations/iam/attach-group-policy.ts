import type { Operation } from '../../operation';
import { attachesPolicy } from './attached-policy';

export const attachGroupPolicy: Operation<'AttachGroupPolicy'> = {
  name: 'AttachGroupPolicy',
  readOnly: false,
  audited: ['GroupName', 'PolicyArn'],
  ...attachesPolicy('group', 'iam:AttachGroupPolicy'),
};
