import { deleteEntity, lockEntity } from '../../iam/entities';
import { requireDeletable } from '../../iam/obstacles';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';

export const deleteGroup: Operation<'DeleteGroup'> = {
  name: 'DeleteGroup',
  readOnly: false,
  audited: ['GroupName'],
  unannounced: 'a group that has members or policies cannot be deleted',
  accountActions: onEntity('group', 'iam:DeleteGroup'),

  async write(call, { transaction }) {
    const group = await lockEntity(transaction, namedEntity('group', call));
    await requireDeletable(transaction, group);
    await deleteEntity(transaction, group);
    return {};
  },
};
