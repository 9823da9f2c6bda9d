import type { Queryable } from '../db';
import type { Principal } from '../policy/principal';
import type { PermissionsBoundaryAttachmentType, User } from '../shapes/iam.generated';
import type { Entity } from './entities';
import type { IamTag } from './tags';

/** A user as IAM's answers have it. Lists leave out tags and boundary. */
export function describeUser(user: Entity): User {
  return {
    Path: user.path,
    UserName: user.name,
    UserId: user.id,
    Arn: user.arn,
    CreateDate: user.createdAt,
  };
}

export function describeUserFully(user: Entity, tags: readonly IamTag[]): User {
  return { ...describeUser(user), ...boundaryAndTags(user, tags) };
}

/** What AWS sends, whatever its model says (awsdocs/iam-user-guide#82). */
const boundaryType = 'Policy' as string as PermissionsBoundaryAttachmentType;

/** Members that answers about one user or role have in common; those that say nothing are absent. */
export function boundaryAndTags(
  { boundaryArn }: Entity,
  tags: readonly IamTag[],
): Pick<User, 'PermissionsBoundary' | 'Tags'> {
  return {
    ...(boundaryArn === undefined
      ? {}
      : {
          PermissionsBoundary: {
            PermissionsBoundaryType: boundaryType,
            PermissionsBoundaryArn: boundaryArn,
          },
        }),
    ...(tags.length === 0 ? {} : { Tags: [...tags] }),
  };
}

/** An account's root, which has neither a name nor a path: AWS's answer leaves them out. */
export async function describeRoot(db: Queryable, root: Principal): Promise<User> {
  const [row] = await db.query<{ created_at: Date }>({
    name: 'account-created-at',
    text: 'select created_at from account where account_id = $1::text',
    values: [root.accountId],
  });
  if (row === undefined) throw new Error('a caller has no account');
  const known = { UserId: root.principalId, Arn: root.arn, CreateDate: row.created_at };
  return known as User;
}
