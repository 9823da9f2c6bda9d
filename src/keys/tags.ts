import { KmsError } from '../errors';

export interface Tag {
  readonly TagKey: string;
  readonly TagValue: string;
}

export const maxTagsPerKey = 50;
const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** The tag rules that the shapes do not hold (kms-semantics §13.2). Throws TagException. */
export function checkTags(tags: readonly Tag[]): void {
  if (tags.length > maxTagsPerKey) throw new KmsError('TagException', 'Too many tags');
  if (new Set(tags.map((tag) => tag.TagKey)).size !== tags.length) {
    throw new KmsError('TagException', 'Duplicate tag keys');
  }
  for (const { TagKey, TagValue } of tags) {
    if (/^aws:/i.test(TagKey)) {
      throw new KmsError('TagException', 'Tags beginning with aws: are reserved');
    }
    if (!allowed.test(TagKey) || !allowed.test(TagValue)) {
      throw new KmsError('TagException', 'A tag contains invalid characters');
    }
  }
}
