import { describeUser } from '../../iam/users';
import type { Operation } from '../../operation';
import { entityPage, onPath } from './list-entities';

export const listUsers: Operation<'ListUsers'> = {
  name: 'ListUsers',
  readOnly: true,
  audited: ['PathPrefix', 'Marker', 'MaxItems'],
  accountActions: onPath('user', 'iam:ListUsers'),

  async run(call) {
    const { items, end } = await entityPage(call, 'ListUsers', 'user');
    return { Users: items.map(describeUser), ...end };
  },
};
