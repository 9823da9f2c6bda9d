import { describeGroup } from '../../iam/groups';
import type { Operation } from '../../operation';
import { entityPage, onPath } from './list-entities';

export const listGroups: Operation<'ListGroups'> = {
  name: 'ListGroups',
  readOnly: true,
  audited: ['PathPrefix', 'Marker', 'MaxItems'],
  accountActions: onPath('group', 'iam:ListGroups'),

  async run(call) {
    const { items, end } = await entityPage(call, 'ListGroups', 'group');
    return { Groups: items.map(describeGroup), ...end };
  },
};
