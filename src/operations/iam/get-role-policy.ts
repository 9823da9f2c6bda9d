import type { Operation } from '../../operation';
import { findsInlinePolicy } from './inline-policy';

const reading = findsInlinePolicy('role', 'iam:GetRolePolicy');

export const getRolePolicy: Operation<'GetRolePolicy'> = {
  name: 'GetRolePolicy',
  readOnly: true,
  audited: ['RoleName', 'PolicyName'],
  accountActions: reading.accountActions,

  async run(call) {
    const { owner, policy } = await reading.find(call);
    return { RoleName: owner.name, ...policy };
  },
};
