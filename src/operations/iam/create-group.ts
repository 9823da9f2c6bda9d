import { entityArn, rootPath } from '../../iam/arns';
import { countEntities, insertEntity, lockAccount } from '../../iam/entities';
import { describeGroup } from '../../iam/groups';
import { newUniqueId } from '../../iam/ids';
import { requireQuota } from '../../iam/quotas';
import type { Call, Operation } from '../../operation';
import { namedEntity } from './entity-action';

export const createGroup: Operation<'CreateGroup'> = {
  name: 'CreateGroup',
  readOnly: false,
  audited: ['GroupName', 'Path'],
  unannounced: 'a new group has no members',
  accountActions: (call) => [{ action: 'iam:CreateGroup', resource: newArn(call) }],

  async write(call, { transaction }) {
    const { input, caller } = call;
    await lockAccount(transaction, caller.accountId);
    const group = await insertEntity(transaction, {
      ...namedEntity('group', call),
      id: newUniqueId('AGPA'),
      path: input.Path ?? rootPath,
      arn: newArn(call),
    });
    requireQuota('GroupsPerAccount', await countEntities(transaction, group));
    return { Group: describeGroup(group) };
  },

  responseElements: (_call, output) => ({ Group: output.Group }),
};

function newArn(call: Call<'CreateGroup'>): string {
  return entityArn(call.services.place, namedEntity('group', call), call.input.Path ?? rootPath);
}
