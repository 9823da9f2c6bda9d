import type { Operation } from '../../operation';
import { detachesPolicy } from './attached-policy';

export const detachUserPolicy: Operation<'DetachUserPolicy'> = {
  name: 'DetachUserPolicy',
  readOnly: false,
  audited: ['UserName', 'PolicyArn'],
  ...detachesPolicy('user', 'iam:DetachUserPolicy'),
};
