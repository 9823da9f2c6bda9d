import { KmsError } from '../../errors';
import { announceEntity } from '../../iam/announce';
import type { EntityKind } from '../../iam/arns';
import { checkIdentityPolicy } from '../../iam/documents';
import { type Entity, lockEntity, requireEntity } from '../../iam/entities';
import {
  findInlinePolicy,
  inlinePoliciesSize,
  listInlinePolicies,
  putInlinePolicy,
  removeInlinePolicy,
} from '../../iam/inline-policies';
import type { Change } from '../../operation';
import { type NamingCall, namedEntity, onBoundedEntity, onEntity } from './entity-action';
import { listPage } from './pagination';

type OnPolicy<K extends EntityKind> = NamingCall<K> & {
  readonly input: { readonly PolicyName: string };
};

type WithDocument<K extends EntityKind> = OnPolicy<K> & {
  readonly input: { readonly PolicyDocument: string };
};

type Listing<K extends EntityKind> = NamingCall<K> & {
  readonly input: { readonly Marker?: string; readonly MaxItems?: number };
};

/** Characters that all inline policies of one entity may have together (IAM quotas). */
const maxSize = { user: 2048, role: 10_240, group: 5120 } as const satisfies Record<
  EntityKind,
  number
>;

/** What PutUserPolicy, PutRolePolicy and PutGroupPolicy have in common. */
export function putsInlinePolicy<K extends EntityKind>(kind: K, action: `iam:${string}`) {
  return {
    accountActions: onBoundedEntity<K, WithDocument<K>>(kind, action),

    async write(call: WithDocument<K>, { transaction }: Change): Promise<Record<string, never>> {
      const { PolicyName: policyName, PolicyDocument: document } = call.input;
      checkIdentityPolicy(document);
      const owner = await lockEntity(transaction, namedEntity(kind, call));
      await putInlinePolicy(transaction, { ownerId: owner.id, policyName, document });
      requireRoom(owner, await inlinePoliciesSize(transaction, owner.id));
      await announceEntity(transaction, owner);
      return {};
    },
  };
}

/** What DeleteUserPolicy, DeleteRolePolicy and DeleteGroupPolicy have in common. */
export function deletesInlinePolicy<K extends EntityKind>(kind: K, action: `iam:${string}`) {
  return {
    accountActions: onBoundedEntity<K, OnPolicy<K>>(kind, action),

    async write(call: OnPolicy<K>, { transaction }: Change): Promise<Record<string, never>> {
      const { PolicyName: policyName } = call.input;
      const owner = await lockEntity(transaction, namedEntity(kind, call));
      if (!(await removeInlinePolicy(transaction, owner.id, policyName))) {
        throw noSuchPolicy(kind, policyName);
      }
      await announceEntity(transaction, owner);
      return {};
    },
  };
}

/** What GetUserPolicy, GetRolePolicy and GetGroupPolicy have in common; the entity's name is theirs to answer. */
export function findsInlinePolicy<K extends EntityKind>(kind: K, action: `iam:${string}`) {
  return {
    accountActions: onEntity(kind, action),

    async find(call: OnPolicy<K>): Promise<{
      readonly owner: Entity;
      readonly policy: { readonly PolicyName: string; readonly PolicyDocument: string };
    }> {
      const { db } = call.services;
      const { PolicyName } = call.input;
      const owner = await requireEntity(db, namedEntity(kind, call));
      const document = await findInlinePolicy(db, owner.id, PolicyName);
      if (document === undefined) throw noSuchPolicy(kind, PolicyName);
      return { owner, policy: { PolicyName, PolicyDocument: document } };
    },
  };
}

/** What ListUserPolicies, ListRolePolicies and ListGroupPolicies have in common. */
export function listsInlinePolicies<K extends EntityKind>(kind: K, action: `iam:${string}`) {
  return {
    accountActions: onEntity(kind, action),

    async run(call: Listing<K>) {
      const { db } = call.services;
      const owner = await requireEntity(db, namedEntity(kind, call));
      const page = await listPage(call.input, {
        operation: action.slice('iam:'.length),
        accountId: owner.accountId,
        filters: [owner.id],
        fetch: (after, limit) => listInlinePolicies(db, { ownerId: owner.id, after, limit }),
        position: (policyName) => policyName,
      });
      return { PolicyNames: [...page.items], ...page.end };
    },
  };
}

function requireRoom({ kind, name }: Entity, size: number): void {
  if (size > maxSize[kind]) {
    throw new KmsError(
      'LimitExceeded',
      `Maximum policy size of ${maxSize[kind]} bytes exceeded for ${kind} ${name}`,
    );
  }
}

function noSuchPolicy(kind: EntityKind, policyName: string): KmsError {
  return new KmsError(
    'NoSuchEntity',
    `The ${kind} policy with name ${policyName} cannot be found.`,
  );
}
