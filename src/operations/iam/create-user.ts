import { entityArn, rootPath } from '../../iam/arns';
import { requireBoundary } from '../../iam/boundary';
import { countEntities, insertEntity, lockAccount } from '../../iam/entities';
import { newUniqueId } from '../../iam/ids';
import { requireQuota } from '../../iam/quotas';
import { checkIamTags, listTags, putTags, requestTags } from '../../iam/tags';
import { describeUserFully } from '../../iam/users';
import type { Call, Operation } from '../../operation';
import { namedEntity } from './entity-action';

export const createUser: Operation<'CreateUser'> = {
  name: 'CreateUser',
  readOnly: false,
  audited: ['UserName', 'Path', 'PermissionsBoundary', 'Tags'],
  unannounced: 'nothing is kept of a user before it is there',
  check: ({ Tags = [] }) => checkIamTags(Tags),
  accountActions(call) {
    const resource = newArn(call);
    const { PermissionsBoundary, Tags = [] } = call.input;
    const tags = requestTags(Tags);
    const conditions = { ...tags, 'iam:PermissionsBoundary': PermissionsBoundary };
    return [
      { action: 'iam:CreateUser', resource, conditions },
      // Whoever makes a user with tags must be allowed to tag it (IAM User Guide, tagging IAM users).
      ...(Tags.length === 0 ? [] : [{ action: 'iam:TagUser', resource, conditions: tags }]),
    ];
  },

  async write(call, { transaction }) {
    const { input, caller, services } = call;
    const { accountId } = caller;
    const arn = input.PermissionsBoundary;
    await lockAccount(transaction, accountId);
    const user = await insertEntity(transaction, {
      ...namedEntity('user', call),
      id: newUniqueId('AIDA'),
      path: input.Path ?? rootPath,
      arn: newArn(call),
      boundaryPolicyId:
        arn === undefined
          ? undefined
          : await requireBoundary(transaction, services.place, { accountId, arn }),
    });
    requireQuota('UsersPerAccount', await countEntities(transaction, user));
    await putTags(transaction, { id: user.id, quota: 'TagsPerUser' }, input.Tags ?? []);
    return { User: describeUserFully(user, await listTags(transaction, user.id)) };
  },

  responseElements: (_call, output) => ({ User: output.User }),
};

function newArn(call: Call<'CreateUser'>): string {
  return entityArn(call.services.place, namedEntity('user', call), call.input.Path ?? rootPath);
}
