import type { Operation } from '../../operation';
import { putsInlinePolicy } from './inline-policy';

export const putGroupPolicy: Operation<'PutGroupPolicy'> = {
  name: 'PutGroupPolicy',
  readOnly: false,
  audited: ['GroupName', 'PolicyName', 'PolicyDocument'],
  ...putsInlinePolicy('group', 'iam:PutGroupPolicy'),
};
