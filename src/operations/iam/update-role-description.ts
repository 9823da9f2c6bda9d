import { announceEntity } from '../../iam/announce';
import { lockEntity } from '../../iam/entities';
import { asRole, describeNewRole, updateRole } from '../../iam/roles';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';

export const updateRoleDescription: Operation<'UpdateRoleDescription'> = {
  name: 'UpdateRoleDescription',
  readOnly: false,
  audited: ['RoleName', 'Description'],
  accountActions: onEntity('role', 'iam:UpdateRoleDescription'),

  async write(call, { transaction }) {
    const { Description: description } = call.input;
    const role = asRole(await lockEntity(transaction, namedEntity('role', call)));
    await updateRole(transaction, role.id, { description });
    await announceEntity(transaction, role);
    return { Role: { ...describeNewRole(role), Description: description } };
  },

  responseElements: (_call, output) => ({ Role: output.Role }),
};
