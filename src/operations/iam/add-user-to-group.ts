import { announcePrincipals } from '../../iam/announce';
import { lockEntity } from '../../iam/entities';
import { addMember, countGroupsOf } from '../../iam/groups';
import { requireQuota } from '../../iam/quotas';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';

export const addUserToGroup: Operation<'AddUserToGroup'> = {
  name: 'AddUserToGroup',
  readOnly: false,
  audited: ['GroupName', 'UserName'],
  accountActions: onEntity('group', 'iam:AddUserToGroup'),

  async write(call, { transaction }) {
    const group = await lockEntity(transaction, namedEntity('group', call));
    const user = await lockEntity(transaction, namedEntity('user', call));
    if (await addMember(transaction, { groupId: group.id, userId: user.id })) {
      requireQuota('GroupsPerUser', await countGroupsOf(transaction, user.id));
    }
    // A member that was one already too: workers may not have acknowledged the request that made it one.
    announcePrincipals(transaction, [user.id]);
    return {};
  },
};
