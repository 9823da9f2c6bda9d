import type { Token } from '../hsm';
import type { KnownApiToken } from './auth/api-tokens';
import { type RulePrincipalMap, everyRulePrincipal } from './auth/rule-principals';
import type { Credential } from './auth/sigv4';
import type { Config } from './config';
import {
  type Change,
  type ChangeFeed,
  type Database,
  FeedCache,
  type FeedEvent,
  openChangeFeed,
} from './db';
import type { OidcProvider } from './iam/oidc-providers';
import type { Grant } from './keys/grants';
import type { Key } from './keys/key';
import { materialsOf } from './keys/store';
import { type Log, describeError } from './log';
import type { Identity } from './policy/identity';
import type { Principal } from './policy/principal';
import { type XksCaches, everyPrefix } from './xks/finder';

/** What a worker keeps of the database, true by the change feed. */
export interface Caches {
  readonly keys: FeedCache<Key>;
  readonly aliases: FeedCache<string>;
  readonly accessKeys: FeedCache<Credential<Principal>>;
  readonly apiTokens: FeedCache<KnownApiToken>;
  readonly rulePrincipals: FeedCache<RulePrincipalMap>;
  readonly grants: FeedCache<readonly Grant[]>;
  readonly identities: FeedCache<Identity>;
  readonly oidcProviders: FeedCache<OidcProvider>;
  readonly xks: XksCaches;
}

const cachedAccessKeys = 10_000;
const cachedApiTokens = 10_000;
/** Anybody can ask for tokens that there are not. */
const absentApiTokens = 10_000;
const cachedIdentities = 10_000;
const cachedProviders = 1000;
const cachedStores = 10_000;
/** Only who signs as AWS KMS does can ask for external keys that there are not. */
const absentExternalKeys = 10_000;

/** The id that a change of all principals has. */
const everyPrincipal = '*';

export interface FeedParts {
  readonly config: Config;
  readonly url: string;
  readonly database: Database;
  readonly log: Log;
  /** Told in place of the log that the feed is lost, or was never heard. */
  readonly onLost?: (error: Error) => void;
}

/** Starts to listen; add handlers in the same tick. */
export function openFeed({ config, url, database, log, onLost }: FeedParts): ChangeFeed {
  return openChangeFeed({
    url,
    database,
    waitMs: config.revocationWaitMs,
    connectTimeoutMs: config.databaseConnectTimeoutMs,
    onEvent: (event) => {
      if (event.kind === 'lost' && onLost !== undefined) onLost(event.error);
      else logFeedEvent(log, event);
    },
  });
}

export function openCaches(feed: ChangeFeed, { cachedKeys }: Pick<Config, 'cachedKeys'>): Caches {
  const on =
    (...topics: readonly Change['topic'][]) =>
    ({ topic, id }: Change) =>
      topics.includes(topic) ? id : undefined;
  return {
    keys: new FeedCache({
      feed,
      capacity: cachedKeys,
      keyOf: on('key', 'key-labels'),
      dropped: ({ topic, id }) =>
        topic === 'custom-key-store'
          ? ({ customKeyStore }) => customKeyStore?.id === id
          : undefined,
    }),
    aliases: new FeedCache({ feed, capacity: cachedKeys, keyOf: on('alias') }),
    accessKeys: new FeedCache({ feed, capacity: cachedAccessKeys, keyOf: on('access-key') }),
    apiTokens: new FeedCache({
      feed,
      capacity: cachedApiTokens,
      absences: absentApiTokens,
      keyOf: on('api-token'),
      dropped: ({ topic, id }) =>
        topic === 'principal'
          ? ({ principalId }) => id === everyPrincipal || principalId === id
          : undefined,
    }),
    rulePrincipals: new FeedCache({
      feed,
      capacity: 1,
      keyOf: ({ topic }) => (topic === 'principal' ? everyRulePrincipal : undefined),
    }),
    grants: new FeedCache({ feed, capacity: cachedKeys, keyOf: on('grant') }),
    identities: new FeedCache({ feed, capacity: cachedIdentities, keyOf: on('principal') }),
    oidcProviders: new FeedCache({ feed, capacity: cachedProviders, keyOf: on('oidc-provider') }),
    xks: {
      stores: new FeedCache({ feed, capacity: cachedStores, keyOf: on('xks-store') }),
      prefixes: new FeedCache({
        feed,
        capacity: 1,
        keyOf: ({ topic }) => (topic === 'xks-store' ? everyPrefix : undefined),
      }),
      keys: new FeedCache({
        feed,
        capacity: cachedKeys,
        absences: absentExternalKeys,
        keyOf: on('xks-key'),
      }),
    },
  };
}

/** A clone in the token outlives what happens to its key, so whatever changes a key drops its handles. */
export function evictHandles(
  feed: ChangeFeed,
  { database, tokens }: { database: Database; tokens: () => readonly Token[] },
): void {
  feed.onChange(async ({ topic, id }) => {
    if (topic !== 'key') return;
    for (const materialId of await materialsOf(database, id)) {
      for (const token of tokens()) token.evict(materialId);
    }
  });
  // What was missed meanwhile may have been a revocation.
  feed.onReset(() => tokens().forEach((token) => token.evictAll()));
}

/** For metrics, by the name of the cache. */
export function cacheCounters(
  caches: Caches,
  token: Token,
): Record<string, { hits: number; misses: number }> {
  const { cacheHits, cacheMisses } = token.counters();
  return {
    key: caches.keys,
    alias: caches.aliases,
    access_key: caches.accessKeys,
    api_token: caches.apiTokens,
    grant: caches.grants,
    identity: caches.identities,
    oidc_provider: caches.oidcProviders,
    xks_store: caches.xks.stores,
    xks_key: caches.xks.keys,
    token_handle: { hits: cacheHits, misses: cacheMisses },
  };
}

function logFeedEvent(log: Log, event: FeedEvent): void {
  const sentences = {
    lost: 'the change feed was lost: caches are not trusted',
    listening: 'the change feed is heard: caches are trusted',
    'handler-failed': 'a change could not be taken in: every cache was dropped',
    unacknowledged: 'a change was not acknowledged in time by every worker',
  } as const satisfies Record<FeedEvent['kind'], string>;
  const fields = {
    error: 'error' in event ? describeError(event.error) : undefined,
    workers: 'workers' in event ? event.workers?.join(' ') : undefined,
  };
  log.at(event.kind === 'listening' ? 'info' : 'warn', sentences[event.kind], fields);
}
