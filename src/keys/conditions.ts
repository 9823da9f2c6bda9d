import type { Conditions } from '../policy/policy';
import type { Principal } from '../policy/principal';
import { viaServiceName } from '../policy/via-service';
import type { Key } from './key';

/** What every action on a key supplies to policies (kms-semantics §6.8). */
export function keyConditions(key: Key): Conditions {
  return {
    ...specConditions(key),
    'kms:KeyOrigin': key.origin,
    'kms:MultiRegion': String(key.multiRegion),
    'aws:ResourceAccount': key.accountId,
  };
}

/** What actions on keys, aliases and CreateKey say of their caller; those that are about no key do not. */
export function callerConditions(
  { kind, accountId, session }: Principal,
  region: string,
): Conditions {
  return {
    'kms:CallerAccount': kind === 'service' ? undefined : accountId,
    'kms:ViaService': session?.via && viaServiceName(session.via, region),
  };
}

/** Each with its deprecated twin, which policies still use. */
export function specConditions({
  keySpec,
  keyUsage,
}: Pick<Key, 'keySpec' | 'keyUsage'>): Conditions {
  return {
    'kms:KeySpec': keySpec,
    'kms:CustomerMasterKeySpec': keySpec,
    'kms:KeyUsage': keyUsage,
    'kms:CustomerMasterKeyUsage': keyUsage,
  };
}

/** What identity policies alone may see of a key (kms-semantics §6.8, §6.9): they are about many, and need to choose. */
export function keyLabels(key: Key): Conditions {
  return {
    ...tagConditions('aws:ResourceTag/', key.tags),
    'kms:ResourceAliases': key.aliases.length === 0 ? undefined : key.aliases,
  };
}

/** Condition keys of an encryption context: the pairs, and all their names. */
export function contextConditions(
  context: Readonly<Record<string, string>> | undefined,
): Conditions {
  const pairs = Object.entries(context ?? {});
  if (pairs.length === 0) return {};
  return {
    ...Object.fromEntries(pairs.map(([key, value]) => [`kms:EncryptionContext:${key}`, value])),
    'kms:EncryptionContextKeys': pairs.map(([key]) => key),
  };
}

/** Tags in a request that sets them (kms-semantics §6.9). */
export function requestTagConditions(
  tags: readonly { readonly TagKey: string; readonly TagValue: string }[] | undefined,
): Conditions {
  if (tags === undefined || tags.length === 0) return {};
  return {
    ...tagConditions('aws:RequestTag/', tags),
    ...tagKeyConditions(tags.map(({ TagKey }) => TagKey)),
  };
}

/** The keys in a request that takes tags away. */
export function tagKeyConditions(keys: readonly string[]): Conditions {
  return { 'aws:TagKeys': keys.length === 0 ? undefined : keys };
}

function tagConditions(
  prefix: string,
  tags: readonly { readonly TagKey: string; readonly TagValue: string }[],
): Conditions {
  return Object.fromEntries(tags.map(({ TagKey, TagValue }) => [`${prefix}${TagKey}`, TagValue]));
}
