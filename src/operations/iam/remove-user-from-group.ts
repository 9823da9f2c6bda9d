import { KmsError } from '../../errors';
import { announcePrincipals } from '../../iam/announce';
import { lockEntity } from '../../iam/entities';
import { removeMember } from '../../iam/groups';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';

export const removeUserFromGroup: Operation<'RemoveUserFromGroup'> = {
  name: 'RemoveUserFromGroup',
  readOnly: false,
  audited: ['GroupName', 'UserName'],
  accountActions: onEntity('group', 'iam:RemoveUserFromGroup'),

  async write(call, { transaction }) {
    const group = await lockEntity(transaction, namedEntity('group', call));
    const user = await lockEntity(transaction, namedEntity('user', call));
    if (!(await removeMember(transaction, { groupId: group.id, userId: user.id }))) {
      throw new KmsError('NoSuchEntity', `User ${user.name} is not in group ${group.name}.`);
    }
    announcePrincipals(transaction, [user.id]);
    return {};
  },
};
