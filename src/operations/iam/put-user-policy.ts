import type { Operation } from '../../operation';
import { putsInlinePolicy } from './inline-policy';

export const putUserPolicy: Operation<'PutUserPolicy'> = {
  name: 'PutUserPolicy',
  readOnly: false,
  audited: ['UserName', 'PolicyName', 'PolicyDocument'],
  ...putsInlinePolicy('user', 'iam:PutUserPolicy'),
};
