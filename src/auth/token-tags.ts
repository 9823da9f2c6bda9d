import type { Session } from '../policy/principal';
import { invalidToken } from './identity-tokens';

type Tags = Pick<Session, 'tags' | 'transitiveTagKeys'> & { readonly sourceIdentity?: string };

/** Where an issuer puts session tags, and who is behind the session (IAM User Guide, "Passing session tags"). */
const tagsClaim = 'https://aws.amazon.com/tags';
const sourceIdentityClaim = 'https://aws.amazon.com/source_identity';

/** AWS's limits of a session tag. */
const tagKey = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;
const tagValue = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;
const maxTags = 50;
const sourceIdentityForm = /^[\w+=,.@-]{2,64}$/;

/** The session tags and the source identity that a token asks for. Throws InvalidIdentityToken. */
export function tokenTags(claims: Readonly<Record<string, unknown>>): Tags {
  const source = claims[sourceIdentityClaim];
  if (source !== undefined && !(typeof source === 'string' && sourceIdentityForm.test(source))) {
    throw wrong(sourceIdentityClaim);
  }
  return {
    ...readTags(claims[tagsClaim]),
    ...(source === undefined ? {} : { sourceIdentity: source }),
  };
}

function readTags(claim: unknown): Pick<Session, 'tags' | 'transitiveTagKeys'> {
  if (claim === undefined) return { tags: {}, transitiveTagKeys: [] };
  if (!isObject(claim)) throw wrong(tagsClaim);
  const { principal_tags: given = {}, transitive_tag_keys: transitive = [] } = claim;
  if (!isObject(given) || !Array.isArray(transitive)) throw wrong(tagsClaim);
  const tags = Object.entries(given).map(([key, value]) => [key, readTag(key, value)] as const);
  const keys = new Set(tags.map(([key]) => key.toLowerCase()));
  if (tags.length > maxTags || keys.size < tags.length) throw wrong(tagsClaim);
  const transitiveTagKeys = transitive.map((key: unknown) => {
    if (typeof key !== 'string' || !keys.has(key.toLowerCase())) throw wrong(tagsClaim);
    return key;
  });
  return { tags: Object.fromEntries(tags), transitiveTagKeys };
}

/** A value stands alone, or alone in a list. */
function readTag(key: string, value: unknown): string {
  const [one, another] = Array.isArray(value) ? (value as unknown[]) : [value];
  if (typeof one !== 'string' || another !== undefined) throw wrong(tagsClaim);
  if (!tagKey.test(key) || !tagValue.test(one)) throw wrong(tagsClaim);
  return one;
}

function wrong(claim: string): Error {
  return invalidToken(`Incorrect claim in the token: ${claim}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
