import type { Operation } from '../../operation';
import { findsInlinePolicy } from './inline-policy';

const reading = findsInlinePolicy('user', 'iam:GetUserPolicy');

export const getUserPolicy: Operation<'GetUserPolicy'> = {
  name: 'GetUserPolicy',
  readOnly: true,
  audited: ['UserName', 'PolicyName'],
  accountActions: reading.accountActions,

  async run(call) {
    const { owner, policy } = await reading.find(call);
    return { UserName: owner.name, ...policy };
  },
};
