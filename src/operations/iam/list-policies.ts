import { rootPath } from '../../iam/arns';
import { listPolicies as listManagedPolicies, policyPosition } from '../../iam/managed-policies';
import type { Operation } from '../../operation';
import { describePolicy } from './managed-policy';
import { listPage } from './pagination';

export const listPolicies: Operation<'ListPolicies'> = {
  name: 'ListPolicies',
  readOnly: true,
  audited: ['Scope', 'OnlyAttached', 'PathPrefix', 'PolicyUsageFilter', 'Marker', 'MaxItems'],
  accountActions: () => [{ action: 'iam:ListPolicies', resource: '*' }],

  async run({ input, caller, services }) {
    const { accountId } = caller;
    const { Scope: scope = 'All', PathPrefix: pathPrefix = rootPath } = input;
    const attached = input.OnlyAttached === true || input.PolicyUsageFilter === 'PermissionsPolicy';
    const boundary = input.PolicyUsageFilter === 'PermissionsBoundary';
    const page = await listPage(input, {
      operation: 'ListPolicies',
      accountId,
      filters: [scope, pathPrefix, String(attached), String(boundary)],
      fetch: (after, limit) =>
        listManagedPolicies(services.db, {
          ...{ accountId, scope, pathPrefix, attached, boundary },
          ...{ after, limit },
        }),
      position: policyPosition,
    });
    return {
      Policies: page.items.map((policy) => describePolicy(services.place, policy)),
      ...page.end,
    };
  },
};
