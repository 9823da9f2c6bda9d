import type { Operation } from '../../operation';
import { listsInlinePolicies } from './inline-policy';

export const listGroupPolicies: Operation<'ListGroupPolicies'> = {
  name: 'ListGroupPolicies',
  readOnly: true,
  audited: ['GroupName', 'Marker', 'MaxItems'],
  ...listsInlinePolicies('group', 'iam:ListGroupPolicies'),
};
