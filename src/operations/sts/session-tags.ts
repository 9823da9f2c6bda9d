import { KmsError } from '../../errors';
import type { Conditions } from '../../policy/policy';
import type { Principal, Session } from '../../policy/principal';
import type { AssumeRoleRequest } from '../../shapes/sts.generated';

export type SessionTags = Pick<Session, 'tags' | 'transitiveTagKeys'>;

type Given = Pick<AssumeRoleRequest, 'Tags' | 'TransitiveTagKeys'>;

/** Rules of tags that the shapes do not hold. Keys are the same without regard to case. */
export function checkSessionTags({ Tags = [], TransitiveTagKeys = [] }: Given): void {
  const keys = new Set(Tags.map(({ Key }) => Key.toLowerCase()));
  if (keys.size < Tags.length) {
    throw new KmsError(
      'InvalidParameterValue',
      'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
    );
  }
  if ([...keys].some((key) => key.startsWith('aws:'))) {
    throw new KmsError('InvalidParameterValue', "Tag keys that start with 'aws:' are reserved.");
  }
  if (TransitiveTagKeys.some((key) => !keys.has(key.toLowerCase()))) {
    throw new KmsError(
      'ValidationException',
      'The specified transitive tag key must be included in the requested tags.',
    );
  }
}

/** Tags of a new session: those asked for, and those that the caller's own session hands on. */
export function sessionTags(
  { Tags = [], TransitiveTagKeys = [] }: Given,
  caller: Principal,
): SessionTags {
  const inherited = transitiveTags(caller.session);
  const asked = new Set(Tags.map(({ Key }) => Key.toLowerCase()));
  if (Object.keys(inherited).some((key) => asked.has(key.toLowerCase()))) {
    throw new KmsError(
      'InvalidParameterValue',
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
    );
  }
  return {
    tags: Object.fromEntries([
      ...Object.entries(inherited),
      ...Tags.map(({ Key, Value }) => [Key, Value] as const),
    ]),
    transitiveTagKeys: [...Object.keys(inherited), ...TransitiveTagKeys],
  };
}

function transitiveTags(session: Session | undefined): Readonly<Record<string, string>> {
  if (session === undefined) return {};
  const keys = new Set(session.transitiveTagKeys.map((key) => key.toLowerCase()));
  return Object.fromEntries(
    Object.entries(session.tags).filter(([key]) => keys.has(key.toLowerCase())),
  );
}

/** What policies may ask of the tags in a request. */
export function tagConditions(
  tags: Readonly<Record<string, string>>,
  transitiveTagKeys: readonly string[] | undefined,
): Conditions {
  const keys = Object.keys(tags);
  return {
    ...Object.fromEntries(
      Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value]),
    ),
    ...(keys.length > 0 && { 'aws:TagKeys': keys }),
    ...(transitiveTagKeys?.length && { 'sts:TransitiveTagKeys': transitiveTagKeys }),
  };
}
