import { asRole, describeRole } from '../../iam/roles';
import type { Operation } from '../../operation';
import { entityPage, onPath } from './list-entities';

export const listRoles: Operation<'ListRoles'> = {
  name: 'ListRoles',
  readOnly: true,
  audited: ['PathPrefix', 'Marker', 'MaxItems'],
  accountActions: onPath('role', 'iam:ListRoles'),

  async run(call) {
    const { items, end } = await entityPage(call, 'ListRoles', 'role');
    return { Roles: items.map((role) => describeRole(asRole(role))), ...end };
  },
};
