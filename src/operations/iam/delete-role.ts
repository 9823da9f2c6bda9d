import { announceEntity } from '../../iam/announce';
import { letDangle } from '../../iam/dangling';
import { deleteEntity, lockEntity } from '../../iam/entities';
import { requireDeletable } from '../../iam/obstacles';
import { removeAllTags } from '../../iam/tags';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';

export const deleteRole: Operation<'DeleteRole'> = {
  name: 'DeleteRole',
  readOnly: false,
  audited: ['RoleName'],
  accountActions: onEntity('role', 'iam:DeleteRole'),

  async write(call, { transaction }) {
    const role = await lockEntity(transaction, namedEntity('role', call));
    await requireDeletable(transaction, role);
    await removeAllTags(transaction, role.id);
    await deleteEntity(transaction, role);
    await letDangle(transaction, call.services, { arn: role.arn, uniqueId: role.id });
    await announceEntity(transaction, role);
    return {};
  },
};
