import type { Queryable } from '../db';
import { type KmsError, refusedMember } from '../errors';

export interface Tag {
  readonly TagKey: string;
  readonly TagValue: string;
}

/** A tag and where it stands among those of its key. */
export interface PlacedTag extends Tag {
  readonly position: number;
}

export const maxTagsPerKey = 50;
const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** The tag rules that the shapes do not hold (kms-semantics §13.2). Throws TagException. */
export function checkTags(tags: readonly Tag[]): void {
  if (tags.length > maxTagsPerKey) throw tooMany();
  const keys = tags.map((tag) => tag.TagKey);
  const again = keys.findIndex((key, at) => keys.indexOf(key) !== at);
  if (again >= 0) throw wrongTag(`Tags/${again}/TagKey`, 'Duplicate tag keys');
  for (const [at, { TagKey, TagValue }] of tags.entries()) {
    checkTagKey(TagKey, `Tags/${at}/TagKey`);
    checkCharacters(TagValue, `Tags/${at}/TagValue`);
  }
}

/** What may be the keys of tags that are taken away. Throws TagException. */
export function checkTagKeys(keys: readonly string[]): void {
  for (const [at, key] of keys.entries()) checkTagKey(key, `TagKeys/${at}`);
}

function checkTagKey(key: string, member: string): void {
  if (/^aws:/i.test(key)) throw wrongTag(member, 'Tags beginning with aws: are reserved');
  checkCharacters(key, member);
}

/**
 * Adds tags, and replaces the values of those that are there, which keep their places. Whoever calls it holds the lock of
 * the key. Throws TagException when the key has too many then.
 */
export async function putTags(db: Queryable, keyId: string, tags: readonly Tag[]): Promise<void> {
  await db.execute({
    name: 'key-tag-put',
    text: `
      insert into key_tag (key_id, tag_key, tag_value, position)
      select $1::text, t.key, t.value, last.position + t.ordinality
      from unnest($2::text[], $3::text[]) with ordinality as t(key, value, ordinality),
        (select coalesce(max(position), 0) as position from key_tag where key_id = $1::text) as last
      on conflict (key_id, tag_key) do update set tag_value = excluded.tag_value`,
    values: [keyId, tags.map(({ TagKey }) => TagKey), tags.map(({ TagValue }) => TagValue)],
  });
  const [row] = await db.query<{ tags: number }>({
    name: 'key-tag-count',
    text: 'select count(*)::int as tags from key_tag where key_id = $1::text',
    values: [keyId],
  });
  if (row === undefined || row.tags > maxTagsPerKey) throw tooMany();
}

/** Keys that no tag has are passed over. */
export async function removeTags(
  db: Queryable,
  keyId: string,
  tagKeys: readonly string[],
): Promise<void> {
  await db.execute({
    name: 'key-tag-remove',
    text: 'delete from key_tag where key_id = $1::text and tag_key = any($2::text[])',
    values: [keyId, tagKeys],
  });
}

/** Up to `limit` tags in the order in which they were added, those behind the position `after` only. */
export async function listTags(
  db: Queryable,
  {
    keyId,
    after,
    limit,
  }: { readonly keyId: string; readonly after: number; readonly limit: number },
): Promise<PlacedTag[]> {
  return db.query<PlacedTag>({
    name: 'key-tag-list',
    text: `
      select tag_key as "TagKey", tag_value as "TagValue", position from key_tag
      where key_id = $1::text and position > $2::int order by position limit $3::int`,
    values: [keyId, after, limit],
  });
}

function checkCharacters(text: string, member: string): void {
  if (!allowed.test(text)) throw wrongTag(member, 'A tag contains invalid characters');
}

function tooMany(): KmsError {
  return wrongTag('Tags', 'Too many tags');
}

function wrongTag(member: string, message: string): KmsError {
  return refusedMember('TagException', member, message);
}
