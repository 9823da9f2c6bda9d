import { requireEntity } from '../../iam/entities';
import { describeGroup, listMembers } from '../../iam/groups';
import { describeUser } from '../../iam/users';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';
import { listPage } from './pagination';

export const getGroup: Operation<'GetGroup'> = {
  name: 'GetGroup',
  readOnly: true,
  audited: ['GroupName', 'Marker', 'MaxItems'],
  accountActions: onEntity('group', 'iam:GetGroup'),

  async run(call) {
    const { db } = call.services;
    const group = await requireEntity(db, namedEntity('group', call));
    const { items, end } = await listPage(call.input, {
      operation: 'GetGroup',
      accountId: group.accountId,
      filters: [group.id],
      fetch: (after, limit) => listMembers(db, { id: group.id, after, limit }),
      position: ({ name }) => name,
    });
    return { Group: describeGroup(group), Users: items.map(describeUser), ...end };
  },
};
