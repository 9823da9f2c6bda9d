import { rootPath } from '../../iam/arns';
import { type PolicyUser, listPolicyUsers, policyUserPosition } from '../../iam/attachments';
import type { Operation } from '../../operation';
import type { EntityType, PolicyUsageType } from '../../shapes/iam.generated';
import { notAttachable, onPolicy, requirePolicy } from './managed-policy';
import { listPage } from './pagination';

/** Policies are no entities: their filters find nothing. */
const kinds = {
  User: ['user'],
  Role: ['role'],
  Group: ['group'],
  LocalManagedPolicy: [],
  AWSManagedPolicy: [],
} as const satisfies Record<EntityType, readonly PolicyUser['kind'][]>;

const everyKind: readonly PolicyUser['kind'][] = ['user', 'role', 'group'];

const uses = {
  PermissionsPolicy: 'attached',
  PermissionsBoundary: 'boundary',
} as const satisfies Record<PolicyUsageType, 'attached' | 'boundary'>;

export const listEntitiesForPolicy: Operation<'ListEntitiesForPolicy'> = {
  name: 'ListEntitiesForPolicy',
  readOnly: true,
  audited: [
    ...(['PolicyArn', 'EntityFilter', 'PathPrefix', 'PolicyUsageFilter'] as const),
    ...(['Marker', 'MaxItems'] as const),
  ],
  accountActions: onPolicy('iam:ListEntitiesForPolicy'),

  async run(call) {
    const { input, caller, services } = call;
    const { accountId } = caller;
    const { EntityFilter, PolicyUsageFilter, PathPrefix: pathPrefix = rootPath } = input;
    const { policyId } = await requirePolicy(call, notAttachable);
    const page = await listPage(input, {
      operation: 'ListEntitiesForPolicy',
      accountId,
      filters: [policyId, EntityFilter, PolicyUsageFilter, pathPrefix],
      fetch: (after, limit) =>
        listPolicyUsers(services.db, {
          ...{ accountId, policyId, pathPrefix, after, limit },
          kinds: EntityFilter === undefined ? everyKind : kinds[EntityFilter],
          use: PolicyUsageFilter && uses[PolicyUsageFilter],
        }),
      position: policyUserPosition,
    });
    const of = (kind: PolicyUser['kind']) => page.items.filter((entity) => entity.kind === kind);
    return {
      PolicyGroups: of('group').map(({ id, name }) => ({ GroupName: name, GroupId: id })),
      PolicyUsers: of('user').map(({ id, name }) => ({ UserName: name, UserId: id })),
      PolicyRoles: of('role').map(({ id, name }) => ({ RoleName: name, RoleId: id })),
      ...page.end,
    };
  },
};
