import type { Queryable } from '../db';

export interface PolicyVersion {
  readonly version: number;
  readonly document: string;
  readonly createdAt: Date;
}

interface PolicyVersionRow {
  readonly version: number;
  readonly document: string;
  readonly created_at: Date;
}

export const maxPolicyVersions = 5;

/** `v3` */
export function versionId(version: number): string {
  return `v${version}`;
}

/** Undefined for what names no version that a policy could have. */
export function parseVersionId(id: string): number | undefined {
  const digits = /^v([1-9][0-9]{0,8})$/.exec(id)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export async function findVersion(
  db: Queryable,
  policyId: string,
  version: number,
): Promise<PolicyVersion | undefined> {
  const [row] = await db.query<PolicyVersionRow>({
    name: 'policy-version-find',
    text: `
      select version, document, created_at from managed_policy_version
      where policy_id = $1::text and version = $2::int`,
    values: [policyId, version],
  });
  return row === undefined ? undefined : toVersion(row);
}

/** The newest first. */
export async function listVersions(db: Queryable, policyId: string): Promise<PolicyVersion[]> {
  const rows = await db.query<PolicyVersionRow>({
    name: 'policy-version-list',
    text: `
      select version, document, created_at from managed_policy_version
      where policy_id = $1::text order by version desc`,
    values: [policyId],
  });
  return rows.map(toVersion);
}

/** Numbers are never used again. The caller holds the policy's lock and has counted its versions. */
export async function insertVersion(
  db: Queryable,
  policyId: string,
  document: string,
): Promise<PolicyVersion> {
  const [row] = await db.query<PolicyVersionRow>({
    name: 'policy-version-insert',
    text: `
      with policy as (
        update managed_policy set latest_version = latest_version + 1, updated_at = now()
        where policy_id = $1::text returning policy_id, latest_version
      )
      insert into managed_policy_version (policy_id, version, document)
      select policy_id, latest_version, $2::text from policy
      returning version, document, created_at`,
    values: [policyId, document],
  });
  if (row === undefined) throw new Error(`there is no policy ${policyId} to version`);
  return toVersion(row);
}

export async function setDefaultVersion(
  db: Queryable,
  policyId: string,
  version: number,
): Promise<void> {
  await db.execute({
    name: 'policy-version-set-default',
    text: 'update managed_policy set default_version = $2::int where policy_id = $1::text',
    values: [policyId, version],
  });
}

/** Returns false when the policy has no such version. */
export async function removeVersion(
  db: Queryable,
  policyId: string,
  version: number,
): Promise<boolean> {
  const removed = await db.execute({
    name: 'policy-version-remove',
    text: `
      delete from managed_policy_version where policy_id = $1::text and version = $2::int`,
    values: [policyId, version],
  });
  return removed === 1;
}

function toVersion(row: PolicyVersionRow): PolicyVersion {
  return { version: row.version, document: row.document, createdAt: row.created_at };
}
