import type { Sealing } from '../auth/sealing';
import type { Awaitable } from '../awaitable';
import type { FeedCache, Queryable } from '../db';
import { openCredentials } from './credentials';
import { externalKeyCacheKey, findExternalKey } from './keys';
import { type AuthorizationRules, parseRules } from './rules';
import type { ExternalKey, XksStore } from './store';
import { findStore, listPrefixes, storeCacheKey } from './stores';

/** What a worker keeps of the external key stores. */
export interface XksCaches {
  readonly stores: FeedCache<XksStore>;
  /** One entry, under `everyPrefix`: what prefixes there are. Whoever asks for another costs nothing but a look. */
  readonly prefixes: FeedCache<ReadonlySet<string>>;
  /** Keeps absence too: every external key is announced when it is made. */
  readonly keys: FeedCache<ExternalKey>;
}

export const everyPrefix = 'every';

/** The stores of the XKS proxy, the secrets of their credentials opened in the token when a worker first needs them. */
export class XksStores {
  constructor(
    private readonly parts: {
      readonly db: Queryable;
      readonly sealing: Sealing;
      readonly cache: Pick<XksCaches, 'stores' | 'prefixes'>;
    },
  ) {}

  /** At once when the worker knows the store, or that there is none. */
  find(prefix: string): Awaitable<XksStore | undefined> {
    const { stores, prefixes } = this.parts.cache;
    const known = stores.get(storeCacheKey(prefix));
    if (known !== undefined) return known;
    const there = prefixes.get(everyPrefix);
    return there === undefined || there.has(prefix) ? this.look(prefix) : undefined;
  }

  private async look(prefix: string): Promise<XksStore | undefined> {
    const { db, cache } = this.parts;
    const there = await cache.prefixes.load(
      everyPrefix,
      async () => new Set(await listPrefixes(db)),
    );
    if (there?.has(prefix) !== true) return undefined;
    return cache.stores.load(storeCacheKey(prefix), () => this.read(prefix));
  }

  private async read(prefix: string): Promise<XksStore | undefined> {
    const { db, sealing } = this.parts;
    const [record, credentials] = await Promise.all([
      findStore(db, prefix),
      openCredentials(db, sealing, prefix),
    ]);
    if (record === undefined) return undefined;
    const { accountId, region, status, rate, rules } = record;
    return { prefix, accountId, region, status, rate, rules: compiled(rules), credentials };
  }
}

/** What external key ids stand for. */
export class ExternalKeys {
  constructor(
    private readonly parts: { readonly db: Queryable; readonly cache: FeedCache<ExternalKey> },
  ) {}

  /** At once when the worker knows the key, or that there is none. Its KMS key may be gone all the same. */
  find(prefix: string, externalKeyId: string): Awaitable<ExternalKey | undefined> {
    const { cache } = this.parts;
    const name = externalKeyCacheKey(prefix, externalKeyId);
    const known = cache.get(name);
    if (known !== undefined) return known;
    if (cache.lacks(name)) return undefined;
    return cache.load(name, () => this.read(prefix, externalKeyId));
  }

  private async read(prefix: string, externalKeyId: string): Promise<ExternalKey | undefined> {
    const record = await findExternalKey(this.parts.db, prefix, externalKeyId);
    if (record?.keyId === undefined || record.status === 'DELETED') return undefined;
    const { keyId, usages, status, rules } = record;
    return { prefix, externalKeyId, keyId, usages, status, rules: compiled(rules) };
  }
}

/** Of a row. What nobody can read denies everything: it throws. */
function compiled(rules: string | undefined): AuthorizationRules | undefined {
  return rules === undefined ? undefined : parseRules(rules);
}
