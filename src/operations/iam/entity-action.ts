import { type EntityKind, type EntityName, entityArn, rootPath } from '../../iam/arns';
import { findEntity } from '../../iam/entities';
import { listTags, resourceTags } from '../../iam/tags';
import type { AccountAction, Call } from '../../operation';
import type { Conditions } from '../../policy/policy';
import type { OperationName } from '../../shapes/operations';

/** What authorization of any call needs. */
export type AnyCall = Pick<Call<OperationName>, 'caller' | 'services'>;

const nameMembers = {
  user: 'UserName',
  role: 'RoleName',
  group: 'GroupName',
} as const satisfies Record<EntityKind, string>;

export type NamingCall<K extends EntityKind> = AnyCall & {
  readonly input: Readonly<Record<(typeof nameMembers)[K], string>>;
};

/** The entity of the caller's account that the request names. */
export function namedEntity<K extends EntityKind>(
  kind: K,
  { caller, input }: Pick<NamingCall<K>, 'caller' | 'input'>,
): EntityName {
  return { accountId: caller.accountId, kind, name: input[nameMembers[kind]] };
}

/** `accountActions` of an operation on the one entity that its input names. */
export function onEntity<K extends EntityKind>(
  kind: K,
  action: `iam:${string}`,
  conditions: (input: NamingCall<K>['input']) => Conditions = () => ({}),
): (call: NamingCall<K>) => Promise<readonly AccountAction[]> {
  return async (call) => [
    await entityAction(call, {
      action,
      entity: namedEntity(kind, call),
      conditions: conditions(call.input),
    }),
  ];
}

/** As onEntity, of the actions to which IAM also says the permissions boundary that the user or role has. */
export function onBoundedEntity<K extends EntityKind, C extends NamingCall<K>>(
  kind: K,
  action: `iam:${string}`,
  conditions: (input: C['input']) => Conditions = () => ({}),
): (call: C) => Promise<readonly AccountAction[]> {
  return async (call) => [
    await entityAction(call, {
      action,
      entity: namedEntity(kind, call),
      conditions: conditions(call.input),
      bounded: true,
    }),
  ];
}

/**
 * An action on an entity: on its ARN and with its tags. Of one that does not exist, on the ARN that it would have
 * without a path, so that whoever may not learns nothing.
 */
export async function entityAction(
  { services }: AnyCall,
  {
    action,
    entity,
    conditions = {},
    bounded = false,
  }: {
    readonly action: `iam:${string}`;
    readonly entity: EntityName;
    readonly conditions?: Conditions;
    /** Supplies iam:PermissionsBoundary, unless the conditions do. */
    readonly bounded?: boolean;
  },
): Promise<AccountAction> {
  const found = await findEntity(services.db, entity);
  if (found === undefined) {
    return { action, resource: entityArn(services.place, entity, rootPath), conditions };
  }
  const tags = entity.kind === 'group' ? [] : await listTags(services.db, found.id);
  const boundary = bounded ? { 'iam:PermissionsBoundary': found.boundaryArn } : {};
  return {
    action,
    resource: found.arn,
    conditions: { ...resourceTags(tags), ...boundary, ...conditions },
  };
}
