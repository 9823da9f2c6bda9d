import { requireEntity } from '../../iam/entities';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';
import { listPage } from './pagination';

/** Of none: there are no instance profiles. Who deletes a role asks for them first, Terraform always. */
export const listInstanceProfilesForRole: Operation<'ListInstanceProfilesForRole'> = {
  name: 'ListInstanceProfilesForRole',
  readOnly: true,
  audited: ['RoleName', 'Marker', 'MaxItems'],
  accountActions: onEntity('role', 'iam:ListInstanceProfilesForRole'),

  async run(call) {
    const role = await requireEntity(call.services.db, namedEntity('role', call));
    const { end } = await listPage(call.input, {
      operation: 'ListInstanceProfilesForRole',
      accountId: role.accountId,
      filters: [role.id],
      fetch: () => Promise.resolve([]),
      position: String,
    });
    return { InstanceProfiles: [], ...end };
  },
};
