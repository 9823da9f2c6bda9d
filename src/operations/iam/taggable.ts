import { announcePrincipals } from '../../iam/announce';
import type { EntityName } from '../../iam/arns';
import { lockEntity, requireEntity } from '../../iam/entities';
import { entityAction, namedEntity } from './entity-action';
import {
  lockNamedPolicy,
  noSuchPolicy,
  onOwnPolicy,
  onPolicy,
  requirePolicy,
} from './managed-policy';
import { lockNamedProvider, onProvider, requireProvider } from './oidc-provider';
import type { NamingCall, Taggable } from './tagging';

export const taggableUser: Taggable<{ readonly UserName: string }> = {
  noun: 'User',
  quota: 'TagsPerUser',
  ...taggableEntity((call) => namedEntity('user', call)),
};

export const taggableRole: Taggable<{ readonly RoleName: string }> = {
  noun: 'Role',
  quota: 'TagsPerRole',
  ...taggableEntity((call) => namedEntity('role', call)),
};

export const taggablePolicy: Taggable<{ readonly PolicyArn: string }> = {
  noun: 'Policy',
  quota: 'TagsPerPolicy',
  actions: (call, action) =>
    (action === 'iam:ListPolicyTags' ? onPolicy : onOwnPolicy)(action)(call),
  find: async (call) => (await requirePolicy(call, noSuchPolicy)).policyId,
  lock: async (transaction, call) =>
    (await lockNamedPolicy(transaction, call, noSuchPolicy)).policyId,
};

export const taggableProvider: Taggable<{ readonly OpenIDConnectProviderArn: string }> = {
  noun: 'OpenIDConnectProvider',
  quota: 'TagsPerOpenIDConnectProvider',
  actions: (call, action) => onProvider(action)(call),
  find: async (call) => (await requireProvider(call)).arn,
  lock: async (transaction, call) => (await lockNamedProvider(transaction, call)).arn,
};

function taggableEntity<I>(
  named: (call: NamingCall<I>) => EntityName,
): Omit<Taggable<I>, 'noun' | 'quota'> {
  return {
    actions: async (call, action) => [await entityAction(call, { action, entity: named(call) })],
    find: async (call) => (await requireEntity(call.services.db, named(call))).id,
    lock: async (transaction, call) => (await lockEntity(transaction, named(call))).id,
    announce: (transaction, id) => announcePrincipals(transaction, [id]),
  };
}
