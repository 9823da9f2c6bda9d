import type { Queryable } from '../db';
import type { Entity } from './entities';
import { type Obstacle, deleteConflict } from './errors';

type Hanging = Readonly<Record<Obstacle, boolean>>;

/** In the order in which they are told of. */
const order = [
  'attachments',
  'members',
  'accessKeys',
  'inlinePolicies',
] as const satisfies readonly Obstacle[];

/** Throws DeleteConflict while anything but tags and a boundary hangs on the entity, whose lock the caller holds. */
export async function requireDeletable(db: Queryable, { id }: Entity): Promise<void> {
  const [found] = await db.query<Hanging>({
    name: 'entity-obstacles',
    text: `
      select exists (select from policy_attachment where owner_id = $1::text) as attachments,
        exists (select from group_member where group_id = $1::text or user_id = $1::text) as members,
        exists (select from access_key where principal_id = $1::text) as "accessKeys",
        exists (select from inline_policy where owner_id = $1::text) as "inlinePolicies"`,
    values: [id],
  });
  const obstacle = order.find((candidate) => found?.[candidate] !== false);
  if (obstacle !== undefined) throw deleteConflict(obstacle);
}
