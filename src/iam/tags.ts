import type { Queryable } from '../db';
import { KmsError } from '../errors';
import type { Conditions } from '../policy/policy';
import { type Quota, requireQuota } from './quotas';

export interface IamTag {
  readonly Key: string;
  readonly Value: string;
}

/** What carries tags. Whoever changes them holds the lock of its row. */
export interface Tagged {
  /** Of a user, role or policy its unique id; of an OIDC provider its ARN. */
  readonly id: string;
  readonly quota: Quota & `TagsPer${string}`;
}

/** The tag rules that the shapes do not hold. Throws InvalidInput. Keys are the same without regard to case. */
export function checkIamTags(tags: readonly IamTag[]): void {
  checkTagKeys(tags.map(({ Key }) => Key));
  if (new Set(tags.map(({ Key }) => Key.toLowerCase())).size !== tags.length) {
    throw new KmsError(
      'InvalidInput',
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    );
  }
}

export function checkTagKeys(keys: readonly string[]): void {
  if (keys.some((key) => key.slice(0, 4).toLowerCase() === 'aws:')) {
    throw new KmsError('InvalidInput', "Tag keys that start with 'aws:' are reserved.");
  }
}

/** In order of key, as IAM lists them. */
export async function listTags(db: Queryable, resourceId: string): Promise<IamTag[]> {
  const rows = await db.query<{ tag_key: string; tag_value: string }>({
    name: 'iam-tag-list',
    text: `
      select tag_key, tag_value from iam_tag
      where resource_id = $1::text order by lower(tag_key) collate "C"`,
    values: [resourceId],
  });
  return rows.map((row) => ({ Key: row.tag_key, Value: row.tag_value }));
}

/** Adds tags, and replaces those whose keys are the same without regard to case. Throws LimitExceeded. */
export async function putTags(
  db: Queryable,
  { id, quota }: Tagged,
  tags: readonly IamTag[],
): Promise<void> {
  if (tags.length === 0) return;
  await db.execute({
    name: 'iam-tag-put',
    // Keys that the database alone takes for one are one tag here: a row cannot be put twice.
    text: `
      insert into iam_tag (resource_id, tag_key, tag_value, position)
      select distinct on (lower(t.key)) $1::text, t.key, t.value, last.position + t.ordinality
      from unnest($2::text[], $3::text[]) with ordinality as t(key, value, ordinality),
        (select coalesce(max(position), 0) as position from iam_tag where resource_id = $1::text) as last
      order by lower(t.key), t.ordinality desc
      on conflict (resource_id, lower(tag_key)) do update
        set tag_key = excluded.tag_key, tag_value = excluded.tag_value`,
    values: [id, tags.map(({ Key }) => Key), tags.map(({ Value }) => Value)],
  });
  const [row] = await db.query<{ tags: number }>({
    name: 'iam-tag-count',
    text: 'select count(*)::int as tags from iam_tag where resource_id = $1::text',
    values: [id],
  });
  requireQuota(quota, row?.tags ?? 0);
}

/** Keys that no tag has are passed over. */
export async function removeTags(
  db: Queryable,
  resourceId: string,
  keys: readonly string[],
): Promise<void> {
  await db.execute({
    name: 'iam-tag-remove',
    text: `
      delete from iam_tag where resource_id = $1::text
        and lower(tag_key) in (select lower(key) from unnest($2::text[]) as k(key))`,
    values: [resourceId, keys],
  });
}

export async function removeAllTags(db: Queryable, resourceId: string): Promise<void> {
  await db.execute({
    name: 'iam-tag-remove-all',
    text: 'delete from iam_tag where resource_id = $1::text',
    values: [resourceId],
  });
}

/** What a request that gives tags says of them to policies. */
export function requestTags(tags: readonly IamTag[] | undefined): Conditions {
  if (tags === undefined || tags.length === 0) return {};
  return {
    'aws:TagKeys': tags.map(({ Key }) => Key),
    ...Object.fromEntries(tags.map(({ Key, Value }) => [`aws:RequestTag/${Key}`, Value])),
  };
}

/** What a resource's tags say to policies: IAM has its own name for the key beside the global one. */
export function resourceTags(tags: readonly IamTag[]): Conditions {
  return Object.fromEntries(
    tags.flatMap(({ Key, Value }) => [
      [`aws:ResourceTag/${Key}`, Value],
      [`iam:ResourceTag/${Key}`, Value],
    ]),
  );
}
