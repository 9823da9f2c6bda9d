import type { Awaitable } from '../awaitable';
import type { FeedCache, Queryable } from '../db';
import { KmsError } from '../errors';
import { hiddenKey } from '../policy/authorize';
import type { Principal } from '../policy/principal';
import { type AliasStore, aliasCacheKey } from './aliases';
import { type ManagedKeys, managedAlias } from './managed';
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
  /** What it was asked for. */
  readonly action: string;
  /** `alias/…` when the request named the key by an alias. */
  readonly requestAlias?: string;
}

interface Asking {
  readonly caller: Principal;
  /** For the text of a denial: a foreign key that does not exist is denied, not missing (kms-semantics §2.4). */
  readonly action: string;
  /** Which member of the request names the key, where that is not KeyId. */
  readonly member?: string;
}

interface Parts {
  readonly db: Queryable;
  readonly place: Place;
  readonly keys: KeyStore;
  readonly aliases: AliasStore;
  readonly keyCache: FeedCache<Key>;
  /** Account and alias name → key id. */
  readonly aliasCache: FeedCache<string>;
  readonly managed: ManagedKeys;
}

/**
 * Turns what a request calls a key into the key, from the worker's caches where they may be trusted: then, but for an
 * alias, it is found at once.
 */
export class KeyFinder {
  constructor(private readonly parts: Parts) {}

  /** Takes a key id, key ARN, alias name or alias ARN. Throws the errors of kms-semantics §2.3. */
  resolve(value: string, asking: Asking): Awaitable<FoundKey> {
    const reference = parseKeyReference(
      value,
      this.parts.place,
      asking.caller.accountId,
      asking.member,
    );
    return reference.kind === 'key'
      ? this.require(reference, asking)
      : this.follow(reference, asking);
  }

  /** Takes a key id or key ARN; an alias is InvalidArnException. */
  resolveKeyOnly(value: string, asking: Asking): Awaitable<FoundKey> {
    const reference = parseKeyOnlyReference(
      value,
      this.parts.place,
      asking.caller.accountId,
      asking.member,
    );
    return this.require(reference, asking);
  }

  byId(keyId: string): Awaitable<Key | undefined> {
    const { keyCache, keys, db } = this.parts;
    return keyCache.get(keyId) ?? keyCache.load(keyId, () => keys.find(db, keyId));
  }

  private async follow(
    reference: KeyReference & { kind: 'alias' },
    asking: Asking,
  ): Promise<FoundKey> {
    const { accountId, aliasName } = reference;
    const named = isAliasName(aliasName) ? await this.aliasTarget(accountId, aliasName) : undefined;
    const keyId = named ?? (await this.makeManaged(reference, asking.caller));
    const key = keyId === undefined ? undefined : await this.byId(keyId);
    if (key === undefined) throw aliasMissing(reference, asking);
    return { key, action: asking.action, requestAlias: aliasName };
  }

  /** An AWS-managed key is made when its service first asks for it on behalf of the account's principals. */
  private async makeManaged(
    { accountId, aliasName }: KeyReference & { kind: 'alias' },
    caller: Principal,
  ): Promise<string | undefined> {
    const service = caller.session?.via;
    if (service === undefined || accountId !== caller.accountId) return undefined;
    if (aliasName !== managedAlias(service)) return undefined;
    return this.parts.managed.ensure({ accountId, service });
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

  private require(reference: KeyReference & { kind: 'key' }, asking: Asking): Awaitable<FoundKey> {
    const found = this.byId(reference.keyId);
    return found instanceof Promise
      ? found.then((key) => foundKey(key, reference, asking))
      : foundKey(found, reference, asking);
  }
}

function foundKey(
  key: Key | undefined,
  reference: KeyReference & { kind: 'key' },
  asking: Asking,
): FoundKey {
  if (key !== undefined && key.accountId === reference.accountId) {
    return { key, action: asking.action };
  }
  if (reference.accountId !== asking.caller.accountId) {
    throw hiddenKey(asking.caller, asking.action);
  }
  throw new KmsError('NotFoundException', `Key '${reference.arn}' does not exist`);
}

function aliasMissing(reference: KeyReference & { kind: 'alias' }, asking: Asking): KmsError {
  return reference.accountId === asking.caller.accountId
    ? new KmsError('NotFoundException', `Alias ${reference.arn} is not found.`)
    : hiddenKey(asking.caller, asking.action);
}
