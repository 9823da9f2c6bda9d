import type { Operation } from '../../operation';
import { deletesInlinePolicy } from './inline-policy';

export const deleteGroupPolicy: Operation<'DeleteGroupPolicy'> = {
  name: 'DeleteGroupPolicy',
  readOnly: false,
  audited: ['GroupName', 'PolicyName'],
  ...deletesInlinePolicy('group', 'iam:DeleteGroupPolicy'),
};
