import { announceEntity } from '../../iam/announce';
import { letDangle } from '../../iam/dangling';
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
    await letDangle(transaction, call.services, { arn: user.arn, uniqueId: user.id });
    await announceEntity(transaction, user);
    return {};
  },
};
