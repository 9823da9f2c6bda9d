import type { Operation } from '../../operation';
import { detachesPolicy } from './attached-policy';

export const detachGroupPolicy: Operation<'DetachGroupPolicy'> = {
  name: 'DetachGroupPolicy',
  readOnly: false,
  audited: ['GroupName', 'PolicyArn'],
  ...detachesPolicy('group', 'iam:DetachGroupPolicy'),
};
