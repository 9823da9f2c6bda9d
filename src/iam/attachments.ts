import type { Queryable } from '../db';

/** The SQL of policy_attachment. An owner is a user, role or group, by its id. */

/** Does nothing when it is attached already. */
export async function attach(db: Queryable, ownerId: string, policyId: string): Promise<void> {
  await db.execute({
    name: 'policy-attachment-insert',
    text: `
      insert into policy_attachment (owner_id, policy_id) values ($1::text, $2::text)
      on conflict do nothing`,
    values: [ownerId, policyId],
  });
}

/** Returns false when it was not attached. */
export async function detach(db: Queryable, ownerId: string, policyId: string): Promise<boolean> {
  const removed = await db.execute({
    name: 'policy-attachment-remove',
    text: 'delete from policy_attachment where owner_id = $1::text and policy_id = $2::text',
    values: [ownerId, policyId],
  });
  return removed === 1;
}

/** How many policies are attached to the owner; the caller holds the owner's lock. */
export async function countAttached(db: Queryable, ownerId: string): Promise<number> {
  const [row] = await db.query<{ attached: number }>({
    name: 'policy-attachment-count',
    text: 'select count(*)::int as attached from policy_attachment where owner_id = $1::text',
    values: [ownerId],
  });
  return row?.attached ?? 0;
}

/** A policy by its name, as far as its ARN needs. */
export interface AttachedPolicy {
  readonly accountId: string | undefined;
  readonly path: string;
  readonly name: string;
  readonly policyId: string;
}

interface AttachedPolicyRow {
  readonly account_id: string | null;
  readonly path: string;
  readonly name: string;
  readonly policy_id: string;
}

export interface AttachedPage {
  readonly ownerId: string;
  readonly pathPrefix: string;
  /** Position of a policy, or the empty string. */
  readonly after: string;
  readonly limit: number;
}

/** In order of name (bytes), those after `after` only. */
export async function listAttached(db: Queryable, page: AttachedPage): Promise<AttachedPolicy[]> {
  const [afterName, afterId] = page.after.split('/');
  const rows = await db.query<AttachedPolicyRow>({
    name: 'policy-attachment-list',
    text: `
      select account_id, path, name, policy_id
      from policy_attachment join managed_policy using (policy_id)
      where owner_id = $1::text and starts_with(path, $2::text)
        and (name, policy_id) > ($3::text, $4::text)
      order by name, policy_id limit $5::int`,
    values: [page.ownerId, page.pathPrefix, afterName ?? '', afterId ?? '', page.limit],
  });
  return rows.map((row) => ({
    accountId: row.account_id ?? undefined,
    path: row.path,
    name: row.name,
    policyId: row.policy_id,
  }));
}

/** Whoever has a policy attached, or as its permissions boundary. */
export interface PolicyUser {
  readonly id: string;
  readonly kind: 'group' | 'role' | 'user';
  readonly name: string;
}

interface PolicyUserRow {
  readonly principal_id: string;
  readonly kind: 'group' | 'role' | 'user';
  readonly name: string;
}

export interface PolicyUserPage {
  readonly accountId: string;
  readonly policyId: string;
  readonly kinds: readonly PolicyUser['kind'][];
  /** Undefined for either. */
  readonly use: 'attached' | 'boundary' | undefined;
  readonly pathPrefix: string;
  /** Position of a user of the policy, or the empty string. */
  readonly after: string;
  readonly limit: number;
}

export function policyUserPosition({ kind, name }: PolicyUser): string {
  return `${kind}/${name}`;
}

/** In order of kind and name, those after `after` only. */
export async function listPolicyUsers(db: Queryable, page: PolicyUserPage): Promise<PolicyUser[]> {
  const [afterKind, afterName] = page.after.split('/');
  const rows = await db.query<PolicyUserRow>({
    name: 'policy-user-list',
    text: `
      select principal_id, kind, name from principal
      where account_id = $1::text and principal_id in (
          select owner_id from policy_attachment
          where policy_id = $2::text and $4::text is distinct from 'boundary'
          union
          select principal_id from principal
          where boundary_policy_id = $2::text and $4::text is distinct from 'attached'
        )
        and kind = any($3::text[]) and starts_with(path, $5::text)
        and (kind, name) > ($6::text, $7::text)
      order by kind, name limit $8::int`,
    values: [
      page.accountId,
      page.policyId,
      page.kinds,
      page.use ?? null,
      page.pathPrefix,
      afterKind ?? '',
      afterName ?? '',
      page.limit,
    ],
  });
  return rows.map((row) => ({ id: row.principal_id, kind: row.kind, name: row.name }));
}

/** Whether anything in any account uses the policy; the caller holds the policy's lock. */
export async function isUsed(db: Queryable, policyId: string): Promise<boolean> {
  const [row] = await db.query<{ used: boolean }>({
    name: 'policy-used',
    text: `
      select exists (select from policy_attachment where policy_id = $1::text)
        or exists (select from principal where boundary_policy_id = $1::text) as used`,
    values: [policyId],
  });
  return row?.used ?? false;
}
