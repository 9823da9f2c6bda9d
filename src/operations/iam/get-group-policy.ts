import type { Operation } from '../../operation';
import { findsInlinePolicy } from './inline-policy';

const reading = findsInlinePolicy('group', 'iam:GetGroupPolicy');

export const getGroupPolicy: Operation<'GetGroupPolicy'> = {
  name: 'GetGroupPolicy',
  readOnly: true,
  audited: ['GroupName', 'PolicyName'],
  accountActions: reading.accountActions,

  async run(call) {
    const { owner, policy } = await reading.find(call);
    return { GroupName: owner.name, ...policy };
  },
};
