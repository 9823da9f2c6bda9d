import type { Queryable, Transaction } from '../db';
import type { Entity } from './entities';

/** Beyond so many members, every worker drops all that it knows of principals: one announcement in place of many. */
const maxAnnouncements = 50;

/** What the principal is or may do has changed; of a group, what each of its members may do. */
export async function announceEntity(
  transaction: Transaction,
  entity: Pick<Entity, 'id' | 'kind'>,
): Promise<void> {
  const members = entity.kind === 'group' ? await memberIds(transaction, entity.id) : [];
  announcePrincipals(transaction, [entity.id, ...members]);
}

export function announcePrincipals(transaction: Transaction, ids: readonly string[]): void {
  for (const id of ids.length > maxAnnouncements ? ['*'] : ids) {
    transaction.announce({ topic: 'principal', id });
  }
}

async function memberIds(db: Queryable, groupId: string): Promise<string[]> {
  const rows = await db.query<{ user_id: string }>({
    name: 'group-member-ids',
    text: 'select user_id from group_member where group_id = $1::text',
    values: [groupId],
  });
  return rows.map((row) => row.user_id);
}
