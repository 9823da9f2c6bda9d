import { randomUUID } from 'node:crypto';
import { type Token, openToken } from '../hsm';
import { openAuditWriter } from './audit';
import { AccessKeys } from './auth/access-keys';
import { Sealing } from './auth/sealing';
import { type Credential, type SignedRequest, SigningKeys, authenticate } from './auth/sigv4';
import { type Config, ConfigError } from './config';
import {
  type Change,
  type ChangeFeed,
  type Database,
  FeedCache,
  type FeedEvent,
  openChangeFeed,
  openDatabase,
} from './db';
import { type Corridor, handle } from './dispatch';
import { awsJson } from './doors/aws-json';
import { healthRouter } from './doors/health';
import { AliasStore } from './keys/aliases';
import { KeyFinder } from './keys/finder';
import type { Key } from './keys/key';
import { Keyring } from './keys/keyring';
import { KeyStore, materialsOf } from './keys/store';
import { type Log, describeError } from './log';
import { Metrics } from './metrics';
import type { Awaitable, Services } from './operation';
import type { Principal } from './policy/principal';
import { requestLog } from './request-log';
import { type Listener, createServer } from './server';
import { createApp } from './server/app';
import { tokenOptions } from './token-options';

/** One worker, serving. */
export interface Daemon {
  readonly port: number;
  /** This worker's metrics, to be summed up with those of the others. */
  metrics(): Promise<readonly object[]>;
  /** Finishes the requests in flight, idle connections `lingerMs` later, then closes what is open, last opened first. */
  close(lingerMs?: number): Promise<void>;
}

export interface DaemonOptions {
  readonly config: Config;
  readonly log: Log;
  /** The text of `/metrics`: of this worker alone, or of all of them where there is a primary. */
  readonly metrics?: () => Promise<{ readonly contentType: string; readonly body: string }>;
  /** The process can serve no more and must be replaced. */
  readonly onFatal: (reason: string) => void;
}

const cachedAccessKeys = 10_000;
const cachedAliases = 100_000;
const cachedKeys = 100_000;

/** The composition root: builds a worker from its settings. Rejects, with everything closed again, when it cannot. */
export async function openDaemon(options: DaemonOptions): Promise<Daemon> {
  const closing: CloseStep[] = [];
  const close = async (lingerMs = 0): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step(lingerMs);
  };
  try {
    return { ...(await build(options, (step) => closing.push(step))), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type CloseStep = (lingerMs: number) => Promise<unknown>;

async function build(
  options: DaemonOptions,
  onClose: (step: CloseStep) => void,
): Promise<Omit<Daemon, 'close'>> {
  const { config, log } = options;
  const metrics = new Metrics();
  const database = connect(config, { log, metrics, poolSize: config.databasePoolSize });
  onClose(() => database.close());
  await database.check();
  const token = await openToken({
    ...tokenOptions(config, log),
    onOperation: (operation, seconds, outcome) =>
      metrics.tokenOperation(operation, seconds, outcome),
    onFailed: options.onFatal,
  });
  onClose(() => token.close());
  const feed = openFeed(config, database, log);
  onClose(() => feed.close());
  const caches = openCaches(feed);
  evictHandles(feed, { database, token });
  await feed.listening();
  const auditDatabase = connect(config, { log, metrics, poolSize: 1 });
  onClose(() => auditDatabase.close());
  const audit = openAuditWriter({
    database: auditDatabase,
    waitMs: config.databaseStatementTimeoutMs,
  });
  onClose(() => audit.close());
  const services = buildServices(config, { database, token, caches });
  const corridor: Corridor = {
    services,
    database,
    changes: feed,
    audit,
    service: { region: config.region, accountId: config.accountId },
    onRequest: both(requestLog(log), (event) => metrics.request(event)),
  };
  metrics.observe({
    caches: () => cacheCounters(caches, token),
    tokenSessions: () => token.counters().sessions,
    tokenReady: () => token.status().state === 'ready',
  });
  const listener = listen(options, { corridor, metrics, caches });
  const { port } = await listener.listen();
  onClose((lingerMs) => listener.close(config.shutdownGraceMs, lingerMs));
  return { port, metrics: () => metrics.asJson() };
}

interface Caches {
  readonly keys: FeedCache<Key>;
  readonly aliases: FeedCache<string>;
  readonly accessKeys: FeedCache<Credential<Principal>>;
}

function connect(
  config: Config,
  { log, metrics, poolSize }: { log: Log; metrics: Metrics; poolSize: number },
): Database {
  return openDatabase({
    url: requireUrl(config),
    poolSize,
    statementTimeoutMs: config.databaseStatementTimeoutMs,
    connectTimeoutMs: config.databaseConnectTimeoutMs,
    onQuery: ({ name, milliseconds, outcome }) =>
      metrics.databaseQuery(name, milliseconds / 1000, outcome),
    onConnectionLost: (error) =>
      log.warn('a database connection was lost', { error: describeError(error) }),
  });
}

function openFeed(config: Config, database: Database, log: Log): ChangeFeed {
  return openChangeFeed({
    url: requireUrl(config),
    database,
    waitMs: config.revocationWaitMs,
    connectTimeoutMs: config.databaseConnectTimeoutMs,
    onEvent: (event) => logFeedEvent(log, event),
  });
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

function openCaches(feed: ChangeFeed): Caches {
  const on = (topic: Change['topic']) => (change: Change) =>
    change.topic === topic ? change.id : undefined;
  return {
    keys: new FeedCache({ feed, capacity: cachedKeys, keyOf: on('key') }),
    aliases: new FeedCache({ feed, capacity: cachedAliases, keyOf: on('alias') }),
    accessKeys: new FeedCache({ feed, capacity: cachedAccessKeys, keyOf: on('access-key') }),
  };
}

/** A clone in the token outlives what happens to its key, so whatever changes a key drops its handles. */
function evictHandles(
  feed: ChangeFeed,
  { database, token }: { database: Database; token: Token },
): void {
  feed.onChange(async ({ topic, id }) => {
    if (topic !== 'key') return;
    for (const materialId of await materialsOf(database, id)) token.evict(materialId);
  });
  // What was missed meanwhile may have been a revocation.
  feed.onReset(() => token.evictAll());
}

/** The services that operations use. */
function buildServices(
  config: Config,
  { database, token, caches }: { database: Database; token: Token; caches: Caches },
): Services {
  const place = { partition: config.partition, region: config.region };
  const keys = new KeyStore(place);
  const aliases = new AliasStore();
  return {
    place,
    db: database,
    token,
    keys,
    aliases,
    finder: new KeyFinder({
      db: database,
      place,
      keys,
      aliases,
      keyCache: caches.keys,
      aliasCache: caches.aliases,
    }),
    keyring: new Keyring(token),
    newKeyId: randomUUID,
  };
}

interface Served {
  readonly corridor: Corridor;
  readonly metrics: Metrics;
  readonly caches: Caches;
}

function listen(options: DaemonOptions, { corridor, metrics, caches }: Served): Listener {
  const { config, log } = options;
  const { token, db } = corridor.services;
  const accessKeys = new AccessKeys({ db, sealing: new Sealing(token), cache: caches.accessKeys });
  const aws = awsJson({
    maxBodyBytes: config.maxBodyBytes,
    newRequestId: randomUUID,
    authenticate: signedBy(config, accessKeys),
    handle: (request) => handle(corridor, request),
  });
  const health = healthRouter({
    checks: [
      { name: 'database', check: () => corridor.database.check() },
      { name: 'token', check: () => token.check() },
    ],
    metrics: options.metrics ?? (() => metrics.text()),
    log,
  });
  const { tlsCertFile: certFile, tlsKeyFile: keyFile } = config;
  return createServer(
    { aws, rest: createApp([health], log) },
    {
      host: config.host,
      port: config.port,
      ...(certFile === undefined || keyFile === undefined ? {} : { tls: { certFile, keyFile } }),
      limits: {
        headerBytes: config.maxHeaderBytes,
        headersTimeoutMs: config.headersTimeoutMs,
        requestTimeoutMs: config.requestTimeoutMs,
        keepAliveTimeoutMs: config.keepAliveTimeoutMs,
        maxConnections: config.maxConnections,
      },
      log,
    },
  );
}

function signedBy(
  config: Config,
  accessKeys: AccessKeys,
): (request: SignedRequest) => Awaitable<Principal> {
  const sigV4 = {
    region: config.region,
    services: ['kms'],
    now: Date.now,
    find: (accessKeyId: string) => accessKeys.find(accessKeyId),
    signingKeys: new SigningKeys(),
  };
  return async (request) => (await authenticate(request, sigV4)).principal;
}

function cacheCounters(
  caches: Caches,
  token: Token,
): Record<string, { hits: number; misses: number }> {
  const { cacheHits, cacheMisses } = token.counters();
  return {
    key: caches.keys,
    alias: caches.aliases,
    access_key: caches.accessKeys,
    token_handle: { hits: cacheHits, misses: cacheMisses },
  };
}

function both<T>(first: (value: T) => void, second: (value: T) => void): (value: T) => void {
  return (value) => {
    first(value);
    second(value);
  };
}

function requireUrl(config: Config): string {
  if (config.databaseUrl === undefined) throw new ConfigError('DATABASE_URL is not set');
  return config.databaseUrl;
}
