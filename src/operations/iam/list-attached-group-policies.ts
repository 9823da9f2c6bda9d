import type { Operation } from '../../operation';
import { listsAttachedPolicies } from './attached-policy';

export const listAttachedGroupPolicies: Operation<'ListAttachedGroupPolicies'> = {
  name: 'ListAttachedGroupPolicies',
  readOnly: true,
  audited: ['GroupName', 'PathPrefix', 'Marker', 'MaxItems'],
  ...listsAttachedPolicies('group', 'iam:ListAttachedGroupPolicies'),
};
