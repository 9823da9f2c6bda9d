import type { Queryable } from '../db';

/** The SQL of inline_policy. An owner is a user, role or group, by its id. */

/** Its document; undefined when the owner has no such policy. */
export async function findInlinePolicy(
  db: Queryable,
  ownerId: string,
  policyName: string,
): Promise<string | undefined> {
  const [row] = await db.query<{ document: string }>({
    name: 'inline-policy-find',
    text: `
      select document from inline_policy where owner_id = $1::text and policy_name = $2::text`,
    values: [ownerId, policyName],
  });
  return row?.document;
}

export interface NewInlinePolicy {
  readonly ownerId: string;
  readonly policyName: string;
  readonly document: string;
}

export async function putInlinePolicy(db: Queryable, policy: NewInlinePolicy): Promise<void> {
  await db.execute({
    name: 'inline-policy-put',
    text: `
      insert into inline_policy (owner_id, policy_name, document)
      values ($1::text, $2::text, $3::text)
      on conflict (owner_id, policy_name) do update set document = excluded.document`,
    values: [policy.ownerId, policy.policyName, policy.document],
  });
}

/** Returns false when the owner has no such policy. */
export async function removeInlinePolicy(
  db: Queryable,
  ownerId: string,
  policyName: string,
): Promise<boolean> {
  const removed = await db.execute({
    name: 'inline-policy-remove',
    text: 'delete from inline_policy where owner_id = $1::text and policy_name = $2::text',
    values: [ownerId, policyName],
  });
  return removed === 1;
}

/** In order of name (bytes), those after `after` only. */
export async function listInlinePolicies(
  db: Queryable,
  page: { readonly ownerId: string; readonly after: string; readonly limit: number },
): Promise<string[]> {
  const rows = await db.query<{ policy_name: string }>({
    name: 'inline-policy-list',
    text: `
      select policy_name from inline_policy
      where owner_id = $1::text and policy_name > $2::text
      order by policy_name limit $3::int`,
    values: [page.ownerId, page.after, page.limit],
  });
  return rows.map((row) => row.policy_name);
}

/** Characters of all the owner's policies that count against its quota; the caller holds the owner's lock. */
export async function inlinePoliciesSize(db: Queryable, ownerId: string): Promise<number> {
  const [row] = await db.query<{ size: number }>({
    name: 'inline-policy-size',
    text: `
      select coalesce(sum(char_length(translate(document, E' \\t\\n\\r', ''))), 0)::int as size
      from inline_policy where owner_id = $1::text`,
    values: [ownerId],
  });
  return row?.size ?? 0;
}
