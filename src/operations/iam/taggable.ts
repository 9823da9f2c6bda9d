import { announcePrincipals } from '../../iam/announce';
import { type EntityKind, type EntityName, entityArn, rootPath } from '../../iam/arns';
import { findEntity, lockEntity } from '../../iam/entities';
import { noSuchEntity } from '../../iam/errors';
import type { Taggable, TaggedCall } from './tagging';

export const taggableUser: Taggable = {
  noun: 'User',
  quota: 'TagsPerUser',
  ...taggableEntity('user', ({ UserName }) => UserName),
};

export const taggableRole: Taggable = {
  noun: 'Role',
  quota: 'TagsPerRole',
  ...taggableEntity('role', ({ RoleName }) => RoleName),
};

function taggableEntity(
  kind: EntityKind,
  nameIn: (input: TaggedCall['input']) => string | undefined,
): Omit<Taggable, 'noun' | 'quota'> {
  const named = ({ input, caller }: TaggedCall): EntityName => ({
    accountId: caller.accountId,
    kind,
    name: nameIn(input) ?? '',
  });
  return {
    locate: async (call) => {
      const entity = named(call);
      const found = await findEntity(call.services.db, entity);
      const arn = found?.arn ?? entityArn(call.services.place, entity, rootPath);
      return { arn, id: found?.id };
    },
    lock: async (transaction, call) => (await lockEntity(transaction, named(call))).id,
    missing: (call) => noSuchEntity(kind, named(call).name),
    announce: (transaction, id) => announcePrincipals(transaction, [id]),
  };
}
