import type { FeedCache, Queryable } from '../db';
import { KmsError } from '../errors';
import { hiddenKey } from '../policy/authorize';
import type { Principal } from '../policy/principal';
import type { AliasStore } from './aliases';
import {
  type KeyReference,
  type Place,
  isAliasName,
  parseKeyOnlyReference,
  parseKeyReference,
} from './identifiers';
import type { Key } from './key';
import type { KeyStore } from './store';

export interface FoundKey {
  readonly key: Key;
  /** `alias/…` when the request named the key by an alias. */
  readonly requestAlias?: string;
}

interface Asking {
  readonly caller: Principal;
  /** For the text of a denial: a foreign key that does not exist is denied, not missing (kms-semantics §2.4). */
  readonly action: string;
}

interface Parts {
  readonly db: Queryable;
  readonly place: Place;
  readonly keys: KeyStore;
  readonly aliases: AliasStore;
  readonly keyCache: FeedCache<Key>;
  /** Account and alias name → key id. */
  readonly aliasCache: FeedCache<string>;
}

/** The name of an alias in the cache and in the change feed. */
export function aliasCacheKey(accountId: string, aliasName: string): string {
  return `${accountId}/${aliasName}`;
}

/** Turns what a request calls a key into the key, from the worker's caches where they may be trusted. */
export class KeyFinder {
  constructor(private readonly parts: Parts) {}

  /** Takes a key id, key ARN, alias name or alias ARN. Throws the errors of kms-semantics §2.3. */
  async resolve(value: string, asking: Asking): Promise<FoundKey> {
    const reference = parseKeyReference(value, this.parts.place, asking.caller.accountId);
    if (reference.kind === 'key') return { key: await this.require(reference, asking) };
    const { accountId, aliasName } = reference;
    const keyId = isAliasName(aliasName) ? await this.aliasTarget(accountId, aliasName) : undefined;
    const key = keyId === undefined ? undefined : await this.byId(keyId);
    if (key === undefined) throw aliasMissing(reference, asking);
    return { key, requestAlias: reference.aliasName };
  }

  /** Takes a key id or key ARN; an alias is InvalidArnException. */
  async resolveKeyOnly(value: string, asking: Asking): Promise<FoundKey> {
    const reference = parseKeyOnlyReference(value, this.parts.place, asking.caller.accountId);
    return { key: await this.require(reference, asking) };
  }

  async byId(keyId: string): Promise<Key | undefined> {
    const { keyCache, keys, db } = this.parts;
    return keyCache.get(keyId) ?? (await keyCache.load(keyId, () => keys.find(db, keyId)));
  }

  private async aliasTarget(accountId: string, aliasName: string): Promise<string | undefined> {
    const { aliasCache, aliases, db } = this.parts;
    const name = aliasCacheKey(accountId, aliasName);
    return (
      aliasCache.get(name) ??
      (await aliasCache.load(
        name,
        async () => (await aliases.find(db, accountId, aliasName))?.keyId,
      ))
    );
  }

  private async require(reference: KeyReference & { kind: 'key' }, asking: Asking): Promise<Key> {
    const key = await this.byId(reference.keyId);
    if (key !== undefined && key.accountId === reference.accountId) return key;
    if (reference.accountId !== asking.caller.accountId) {
      throw hiddenKey(asking.caller, asking.action);
    }
    throw new KmsError('NotFoundException', `Key '${reference.arn}' does not exist`);
  }
}

function aliasMissing(reference: KeyReference & { kind: 'alias' }, asking: Asking): KmsError {
  return reference.accountId === asking.caller.accountId
    ? new KmsError('NotFoundException', `Alias ${reference.arn} is not found.`)
    : hiddenKey(asking.caller, asking.action);
}
