import { announceEntity } from '../../iam/announce';
import { requireBoundary, setBoundary } from '../../iam/boundary';
import { lockEntity } from '../../iam/entities';
import type { Change } from '../../operation';
import { type NamingCall, namedEntity, onBoundedEntity } from './entity-action';

type Bounded = 'user' | 'role';

type OnBoundary<K extends Bounded> = NamingCall<K> & {
  readonly input: { readonly PermissionsBoundary: string };
};

/** What PutUserPermissionsBoundary and PutRolePermissionsBoundary have in common. */
export function putsBoundary<K extends Bounded>(kind: K, action: `iam:${string}`) {
  return {
    accountActions: onBoundedEntity<K, OnBoundary<K>>(kind, action, (input) => ({
      'iam:PermissionsBoundary': input.PermissionsBoundary,
    })),

    async write(call: OnBoundary<K>, { transaction }: Change): Promise<Record<string, never>> {
      const entity = await lockEntity(transaction, namedEntity(kind, call));
      const { accountId } = entity;
      const arn = call.input.PermissionsBoundary;
      const { place } = call.services;
      const policyId = await requireBoundary(transaction, place, { accountId, arn });
      await setBoundary(transaction, entity.id, policyId);
      await announceEntity(transaction, entity);
      return {};
    },
  };
}

/** What DeleteUserPermissionsBoundary and DeleteRolePermissionsBoundary have in common. */
export function deletesBoundary<K extends Bounded>(kind: K, action: `iam:${string}`) {
  return {
    accountActions: onBoundedEntity<K, NamingCall<K>>(kind, action),

    async write(call: NamingCall<K>, { transaction }: Change): Promise<Record<string, never>> {
      const entity = await lockEntity(transaction, namedEntity(kind, call));
      await setBoundary(transaction, entity.id, undefined);
      await announceEntity(transaction, entity);
      return {};
    },
  };
}
