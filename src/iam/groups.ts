import type { Queryable } from '../db';
import type { Group } from '../shapes/iam.generated';
import { type Entity, type EntityRow, entityColumns, entitySource, toEntity } from './entities';

/** A group as IAM's answers have it. */
export function describeGroup(group: Entity): Group {
  return {
    Path: group.path,
    GroupName: group.name,
    GroupId: group.id,
    Arn: group.arn,
    CreateDate: group.createdAt,
  };
}

interface Membership {
  readonly groupId: string;
  readonly userId: string;
}

/** Returns false when the user is in the group already. The caller holds the locks of both. */
export async function addMember(db: Queryable, { groupId, userId }: Membership): Promise<boolean> {
  const inserted = await db.execute({
    name: 'group-member-insert',
    text: `
      insert into group_member (group_id, user_id) values ($1::text, $2::text)
      on conflict do nothing`,
    values: [groupId, userId],
  });
  return inserted === 1;
}

/** Returns false when the user is not in the group. */
export async function removeMember(
  db: Queryable,
  { groupId, userId }: Membership,
): Promise<boolean> {
  const removed = await db.execute({
    name: 'group-member-remove',
    text: 'delete from group_member where group_id = $1::text and user_id = $2::text',
    values: [groupId, userId],
  });
  return removed === 1;
}

/** How many groups the user is in; the count stands while the caller holds the user's lock. */
export async function countGroupsOf(db: Queryable, userId: string): Promise<number> {
  const [row] = await db.query<{ groups: number }>({
    name: 'group-member-count',
    text: 'select count(*)::int as groups from group_member where user_id = $1::text',
    values: [userId],
  });
  return row?.groups ?? 0;
}

export interface MembershipPage {
  /** Of the group whose users, or of the user whose groups, are listed. */
  readonly id: string;
  /** A name: only those after it. */
  readonly after: string;
  readonly limit: number;
}

/** In order of name. */
export async function listMembers(db: Queryable, page: MembershipPage): Promise<Entity[]> {
  const rows = await db.query<EntityRow>({
    name: 'group-members',
    text: `
      select ${entityColumns} from ${entitySource} join group_member g on g.user_id = p.principal_id
      where g.group_id = $1::text and p.name > $2::text order by p.name limit $3::int`,
    values: [page.id, page.after, page.limit],
  });
  return rows.map(toEntity);
}

/** In order of name. */
export async function listGroupsOf(db: Queryable, page: MembershipPage): Promise<Entity[]> {
  const rows = await db.query<EntityRow>({
    name: 'groups-of-user',
    text: `
      select ${entityColumns} from ${entitySource} join group_member g on g.group_id = p.principal_id
      where g.user_id = $1::text and p.name > $2::text order by p.name limit $3::int`,
    values: [page.id, page.after, page.limit],
  });
  return rows.map(toEntity);
}
