import { announceEntity } from '../../iam/announce';
import { type EntityKind, parsePolicyArn, policyArn } from '../../iam/arns';
import { attach, countAttached, detach, listAttached } from '../../iam/attachments';
import { lockEntity, requireEntity } from '../../iam/entities';
import { findPolicy, lockPolicy, policyPosition } from '../../iam/managed-policies';
import { type Quota, requireQuota } from '../../iam/quotas';
import type { Change } from '../../operation';
import type { Conditions } from '../../policy/policy';
import { type NamingCall, namedEntity, onBoundedEntity, onEntity } from './entity-action';
import { noSuchPolicy, notAttachable } from './managed-policy';
import { listPage } from './pagination';

type OnAttachment<K extends EntityKind> = NamingCall<K> & {
  readonly input: { readonly PolicyArn: string };
};

type Listing<K extends EntityKind> = NamingCall<K> & {
  readonly input: {
    readonly PathPrefix?: string;
    readonly Marker?: string;
    readonly MaxItems?: number;
  };
};

const quota = {
  user: 'PoliciesPerUser',
  role: 'PoliciesPerRole',
  group: 'PoliciesPerGroup',
} as const satisfies Record<EntityKind, Quota>;

function which(input: { readonly PolicyArn: string }): Conditions {
  return { 'iam:PolicyARN': input.PolicyArn };
}

/** What AttachUserPolicy, AttachRolePolicy and AttachGroupPolicy have in common. */
export function attachesPolicy<K extends EntityKind>(kind: K, action: `iam:${string}`) {
  return {
    accountActions: onBoundedEntity<K, OnAttachment<K>>(kind, action, which),

    async write(call: OnAttachment<K>, { transaction }: Change): Promise<Record<string, never>> {
      const { PolicyArn: arn } = call.input;
      const named = parsePolicyArn(call.services.place, arn);
      const owner = await lockEntity(transaction, namedEntity(kind, call));
      const policy = await findPolicy(transaction, owner.accountId, named);
      if (policy === undefined || !(await lockPolicy(transaction, policy.policyId, 'use'))) {
        throw notAttachable(arn);
      }
      await attach(transaction, owner.id, policy.policyId);
      requireQuota(quota[kind], await countAttached(transaction, owner.id));
      await announceEntity(transaction, owner);
      return {};
    },
  };
}

/** What DetachUserPolicy, DetachRolePolicy and DetachGroupPolicy have in common. */
export function detachesPolicy<K extends EntityKind>(kind: K, action: `iam:${string}`) {
  return {
    accountActions: onBoundedEntity<K, OnAttachment<K>>(kind, action, which),

    async write(call: OnAttachment<K>, { transaction }: Change): Promise<Record<string, never>> {
      const { PolicyArn: arn } = call.input;
      const named = parsePolicyArn(call.services.place, arn);
      const owner = await lockEntity(transaction, namedEntity(kind, call));
      const policy = await findPolicy(transaction, owner.accountId, named);
      if (policy === undefined || !(await detach(transaction, owner.id, policy.policyId))) {
        throw noSuchPolicy(arn);
      }
      await announceEntity(transaction, owner);
      return {};
    },
  };
}

/** What ListAttachedUserPolicies, ListAttachedRolePolicies and ListAttachedGroupPolicies have in common. */
export function listsAttachedPolicies<K extends EntityKind>(kind: K, action: `iam:${string}`) {
  return {
    accountActions: onEntity(kind, action),

    async run(call: Listing<K>) {
      const { db, place } = call.services;
      const { PathPrefix: pathPrefix = '/' } = call.input;
      const owner = await requireEntity(db, namedEntity(kind, call));
      const page = await listPage(call.input, {
        operation: action.slice('iam:'.length),
        accountId: owner.accountId,
        filters: [owner.id, pathPrefix],
        fetch: (after, limit) => listAttached(db, { ownerId: owner.id, pathPrefix, after, limit }),
        position: policyPosition,
      });
      return {
        AttachedPolicies: page.items.map((policy) => ({
          PolicyName: policy.name,
          PolicyArn: policyArn(place, policy),
        })),
        ...page.end,
      };
    },
  };
}
