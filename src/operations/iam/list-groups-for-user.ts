import { requireEntity } from '../../iam/entities';
import { describeGroup, listGroupsOf } from '../../iam/groups';
import type { Operation } from '../../operation';
import { namedEntity, onEntity } from './entity-action';
import { listPage } from './pagination';

export const listGroupsForUser: Operation<'ListGroupsForUser'> = {
  name: 'ListGroupsForUser',
  readOnly: true,
  audited: ['UserName', 'Marker', 'MaxItems'],
  accountActions: onEntity('user', 'iam:ListGroupsForUser'),

  async run(call) {
    const { db } = call.services;
    const user = await requireEntity(db, namedEntity('user', call));
    const { items, end } = await listPage(call.input, {
      operation: 'ListGroupsForUser',
      accountId: user.accountId,
      filters: [user.id],
      fetch: (after, limit) => listGroupsOf(db, { id: user.id, after, limit }),
      position: ({ name }) => name,
    });
    return { Groups: items.map(describeGroup), ...end };
  },
};
