import type { Queryable } from '../db';
import { type PolicyName, readPolicyArn } from './arns';

/** A managed policy as an account sees it: uses of AWS's own policies by other accounts do not count. */
export interface ManagedPolicy {
  /** ANPA… */
  readonly policyId: string;
  /** Undefined of AWS's own. */
  readonly accountId: string | undefined;
  readonly name: string;
  readonly path: string;
  readonly description: string | undefined;
  readonly defaultVersion: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Users, roles and groups that it is attached to. */
  readonly attachments: number;
  /** Users and roles whose permissions boundary it is. */
  readonly boundaries: number;
}

interface ManagedPolicyRow {
  readonly policy_id: string;
  readonly account_id: string | null;
  readonly name: string;
  readonly path: string;
  readonly description: string | null;
  readonly default_version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly attachments: number;
  readonly boundaries: number;
}

/** `$1` is the account that asks. */
const columns = `
  policy_id, account_id, name, path, description, default_version, created_at, updated_at,
  (select count(*)::int from policy_attachment a join principal p on p.principal_id = a.owner_id
    where a.policy_id = m.policy_id and p.account_id = $1::text) as attachments,
  (select count(*)::int from principal p
    where p.boundary_policy_id = m.policy_id and p.account_id = $1::text) as boundaries`;

/** An account finds its own policies and AWS's. */
export async function findPolicy(
  db: Queryable,
  accountId: string,
  policy: PolicyName,
): Promise<ManagedPolicy | undefined> {
  if (policy.accountId !== undefined && policy.accountId !== accountId) return undefined;
  const [row] = await db.query<ManagedPolicyRow>({
    name: 'managed-policy-find',
    text: `
      select ${columns} from managed_policy m
      where account_id is not distinct from $2::text and path = $3::text and name = $4::text`,
    values: [accountId, policy.accountId ?? null, policy.path, policy.name],
  });
  return row === undefined ? undefined : toPolicy(row);
}

/** The text of a policy's default version, by its ARN; undefined when there is no such policy. */
export async function policyDocument(db: Queryable, arn: string): Promise<string | undefined> {
  const policy = readPolicyArn(arn);
  if (policy === undefined) return undefined;
  const [row] = await db.query<{ document: string }>({
    name: 'managed-policy-document',
    text: `
      select v.document from managed_policy m
      join managed_policy_version v on v.policy_id = m.policy_id and v.version = m.default_version
      where m.account_id is not distinct from $1::text and m.path = $2::text and m.name = $3::text`,
    values: [policy.accountId ?? null, policy.path, policy.name],
  });
  return row?.document;
}

/**
 * Keeps the policy from being changed or deleted (`use`), or from being used meanwhile (`change`), until the transaction
 * ends. A use that is stored takes the same lock by its foreign key, so that whoever makes another version the default
 * knows of every use, and announces it.
 */
export async function lockPolicy(
  db: Queryable,
  policyId: string,
  purpose: 'use' | 'change',
): Promise<boolean> {
  const mode = purpose === 'use' ? 'key share' : 'update';
  const rows = await db.query({
    name: `managed-policy-lock-${purpose}`,
    text: `select policy_id from managed_policy where policy_id = $1::text for ${mode}`,
    values: [policyId],
  });
  return rows.length === 1;
}

export interface NewManagedPolicy {
  readonly policyId: string;
  readonly accountId: string;
  readonly name: string;
  readonly path: string;
  readonly description: string | undefined;
  readonly document: string;
}

/** With its version 1. Returns false when the account has a policy of that name, under whatever path. */
export async function insertPolicy(db: Queryable, policy: NewManagedPolicy): Promise<boolean> {
  const inserted = await db.execute({
    name: 'managed-policy-insert',
    text: `
      insert into managed_policy (policy_id, account_id, name, path, description)
      values ($1::text, $2::text, $3::text, $4::text, $5::text)
      on conflict do nothing`,
    values: [
      policy.policyId,
      policy.accountId,
      policy.name,
      policy.path,
      policy.description ?? null,
    ],
  });
  if (inserted === 0) return false;
  await db.execute({
    name: 'managed-policy-insert-first-version',
    text: `
      insert into managed_policy_version (policy_id, version, document)
      values ($1::text, 1, $2::text)`,
    values: [policy.policyId, policy.document],
  });
  return true;
}

/** How many policies the account has of its own. */
export async function countPolicies(db: Queryable, accountId: string): Promise<number> {
  const [row] = await db.query<{ policies: number }>({
    name: 'managed-policy-count',
    text: 'select count(*)::int as policies from managed_policy where account_id = $1::text',
    values: [accountId],
  });
  return row?.policies ?? 0;
}

/** With all its versions; the caller has seen that nothing uses it. */
export async function removePolicy(db: Queryable, policyId: string): Promise<void> {
  await db.execute({
    name: 'managed-policy-remove',
    text: 'delete from managed_policy where policy_id = $1::text',
    values: [policyId],
  });
}

export interface PolicyPage {
  readonly accountId: string;
  readonly scope: 'All' | 'AWS' | 'Local';
  readonly pathPrefix: string;
  /** Only policies that are attached to something. */
  readonly attached: boolean;
  /** Only policies that are something's permissions boundary. */
  readonly boundary: boolean;
  /** Position of a policy, or the empty string. */
  readonly after: string;
  readonly limit: number;
}

/** Where a policy stands in a list: names are unique in an account, and AWS may have the same. */
export function policyPosition({
  name,
  policyId,
}: Pick<ManagedPolicy, 'name' | 'policyId'>): string {
  return `${name}/${policyId}`;
}

/** In order of name (bytes), those after `after` only. */
export async function listPolicies(db: Queryable, page: PolicyPage): Promise<ManagedPolicy[]> {
  const [afterName, afterId] = page.after.split('/');
  const rows = await db.query<ManagedPolicyRow>({
    name: 'managed-policy-list',
    text: `
      select * from (
        select ${columns} from managed_policy m
        where (
            ($2::text <> 'AWS' and account_id = $1::text) or
            ($2::text <> 'Local' and account_id is null)
          ) and starts_with(path, $3::text) and (name, policy_id) > ($6::text, $7::text)
      ) as seen
      where (attachments > 0 or not $4::boolean) and (boundaries > 0 or not $5::boolean)
      order by name, policy_id limit $8::int`,
    values: [
      page.accountId,
      page.scope,
      page.pathPrefix,
      page.attached,
      page.boundary,
      afterName ?? '',
      afterId ?? '',
      page.limit,
    ],
  });
  return rows.map(toPolicy);
}

function toPolicy(row: ManagedPolicyRow): ManagedPolicy {
  return {
    policyId: row.policy_id,
    accountId: row.account_id ?? undefined,
    name: row.name,
    path: row.path,
    description: row.description ?? undefined,
    defaultVersion: row.default_version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    attachments: row.attachments,
    boundaries: row.boundaries,
  };
}
