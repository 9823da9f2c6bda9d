import { announceEntity } from '../../iam/announce';
import { lockEntity } from '../../iam/entities';
import { updateRole as changeRole } from '../../iam/roles';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';

/** What the request does not name stays as it is. */
export const updateRole: Operation<'UpdateRole'> = {
  name: 'UpdateRole',
  readOnly: false,
  audited: ['RoleName', 'Description', 'MaxSessionDuration'],
  accountActions: onEntity('role', 'iam:UpdateRole'),

  async write(call, { transaction }) {
    const { Description: description, MaxSessionDuration: maxSessionSeconds } = call.input;
    const role = await lockEntity(transaction, namedEntity('role', call));
    await changeRole(transaction, role.id, { description, maxSessionSeconds });
    await announceEntity(transaction, role);
    return {};
  },
};
