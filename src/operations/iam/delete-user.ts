import { announceEntity } from '../../iam/announce';
import { deleteEntity, lockEntity } from '../../iam/entities';
import { requireDeletable } from '../../iam/obstacles';
import { removeAllTags } from '../../iam/tags';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';

export const deleteUser: Operation<'DeleteUser'> = {
  name: 'DeleteUser',
  readOnly: false,
  audited: ['UserName'],
  accountActions: onEntity('user', 'iam:DeleteUser'),

  async write(call, { transaction }) {
    const user = await lockEntity(transaction, namedEntity('user', call));
    await requireDeletable(transaction, user);
    await removeAllTags(transaction, user.id);
    await deleteEntity(transaction, user);
    await announceEntity(transaction, user);
    return {};
  },
};
