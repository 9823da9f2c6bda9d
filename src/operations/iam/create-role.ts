import { entityArn, rootPath } from '../../iam/arns';
import { requireBoundary } from '../../iam/boundary';
import { countEntities, insertEntity, lockAccount } from '../../iam/entities';
import { newUniqueId } from '../../iam/ids';
import { requireQuota } from '../../iam/quotas';
import { asRole, defaultSessionSeconds, describeNewRole } from '../../iam/roles';
import { checkIamTags, listTags, putTags, requestTags } from '../../iam/tags';
import { checkTrustPolicy } from '../../iam/trust';
import { boundaryAndTags } from '../../iam/users';
import type { Call, Operation } from '../../operation';
import { namedEntity } from './entity-action';

export const createRole: Operation<'CreateRole'> = {
  name: 'CreateRole',
  readOnly: false,
  audited: [
    ...(['RoleName', 'Path', 'AssumeRolePolicyDocument', 'Description'] as const),
    ...(['MaxSessionDuration', 'PermissionsBoundary', 'Tags'] as const),
  ],
  unannounced: 'nothing is kept of a role before it is there',
  check: ({ Tags = [] }) => checkIamTags(Tags),
  accountActions(call) {
    const resource = newArn(call);
    const { PermissionsBoundary, Tags = [] } = call.input;
    const conditions = { ...requestTags(Tags), 'iam:PermissionsBoundary': PermissionsBoundary };
    return [
      { action: 'iam:CreateRole', resource, conditions },
      ...(Tags.length === 0 ? [] : [{ action: 'iam:TagRole', resource, conditions }]),
    ];
  },

  async write(call, { transaction }) {
    const { input, caller, services } = call;
    const { accountId } = caller;
    const arn = input.PermissionsBoundary;
    await lockAccount(transaction, accountId);
    await checkTrustPolicy(transaction, services.place, {
      accountId,
      document: input.AssumeRolePolicyDocument,
    });
    const made = await insertEntity(transaction, {
      ...namedEntity('role', call),
      id: newUniqueId('AROA'),
      path: input.Path ?? rootPath,
      arn: newArn(call),
      description: input.Description,
      trustPolicy: input.AssumeRolePolicyDocument,
      maxSessionSeconds: input.MaxSessionDuration ?? defaultSessionSeconds,
      boundaryPolicyId:
        arn === undefined
          ? undefined
          : await requireBoundary(transaction, services.place, { accountId, arn }),
    });
    requireQuota('RolesPerAccount', await countEntities(transaction, made));
    await putTags(transaction, { id: made.id, quota: 'TagsPerRole' }, input.Tags ?? []);
    const tags = await listTags(transaction, made.id);
    return { Role: { ...describeNewRole(asRole(made)), ...boundaryAndTags(made, tags) } };
  },

  responseElements: (_call, output) => ({ Role: output.Role }),
};

function newArn(call: Pick<Call<'CreateRole'>, 'caller' | 'input' | 'services'>): string {
  return entityArn(call.services.place, namedEntity('role', call), call.input.Path ?? rootPath);
}
