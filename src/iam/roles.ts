import type { Queryable } from '../db';
import type { Role as RoleDescription } from '../shapes/iam.generated';
import { type Entity, findEntityByArn } from './entities';
import type { IamTag } from './tags';
import { boundaryAndTags } from './users';

export interface Role extends Entity {
  /** As it was given. */
  readonly trustPolicy: string;
  readonly maxSessionSeconds: number;
}

/** Of any account. */
export async function findRoleByArn(db: Queryable, arn: string): Promise<Role | undefined> {
  const found = await findEntityByArn(db, 'role', arn);
  return found && asRole(found);
}

/** The database gives every role what only roles have. */
export function asRole(entity: Entity): Role {
  const { trustPolicy, maxSessionSeconds } = entity;
  if (trustPolicy === undefined || maxSessionSeconds === undefined) {
    throw new Error(`${entity.arn} is no role`);
  }
  return { ...entity, trustPolicy, maxSessionSeconds };
}

/** Default of MaxSessionDuration. */
export const defaultSessionSeconds = 3600;

/** A role as answers have it that have just made it or changed its description: they leave the rest out. */
export function describeNewRole(role: Role): RoleDescription {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: role.arn,
    CreateDate: role.createdAt,
    AssumeRolePolicyDocument: role.trustPolicy,
  };
}

/** A role in a list, without its tags, its boundary and when it was used. */
export function describeRole(role: Role): RoleDescription {
  return {
    ...describeNewRole(role),
    ...(role.description === undefined ? {} : { Description: role.description }),
    MaxSessionDuration: role.maxSessionSeconds,
  };
}

export function describeRoleFully(role: Role, tags: readonly IamTag[]): RoleDescription {
  const { lastUsedAt, lastUsedRegion } = role;
  return {
    ...describeRole(role),
    ...boundaryAndTags(role, tags),
    RoleLastUsed: {
      ...(lastUsedAt === undefined ? {} : { LastUsedDate: lastUsedAt }),
      ...(lastUsedRegion === undefined ? {} : { Region: lastUsedRegion }),
    },
  };
}

/** What of a role can be changed; undefined leaves it as it is. */
export interface RoleChange {
  readonly description?: string | undefined;
  readonly maxSessionSeconds?: number | undefined;
  readonly trustPolicy?: string | undefined;
}

/** Returns false when there is no such role. Takes its lock, but not against those who only refer to it. */
export async function updateRole(db: Queryable, id: string, change: RoleChange): Promise<boolean> {
  const updated = await db.execute({
    name: 'role-update',
    text: `
      update principal set
        description = coalesce($2::text, description),
        max_session_seconds = coalesce($3::int, max_session_seconds),
        trust_policy = coalesce($4::text, trust_policy)
      where principal_id = $1::text`,
    values: [
      id,
      change.description ?? null,
      change.maxSessionSeconds ?? null,
      change.trustPolicy ?? null,
    ],
  });
  return updated === 1;
}
