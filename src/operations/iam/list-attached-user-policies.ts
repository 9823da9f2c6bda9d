import type { Operation } from '../../operation';
import { listsAttachedPolicies } from './attached-policy';

export const listAttachedUserPolicies: Operation<'ListAttachedUserPolicies'> = {
  name: 'ListAttachedUserPolicies',
  readOnly: true,
  audited: ['UserName', 'PathPrefix', 'Marker', 'MaxItems'],
  ...listsAttachedPolicies('user', 'iam:ListAttachedUserPolicies'),
};
