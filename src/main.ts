import { type Token, openToken } from '../hsm';
import { Attestations } from './attestation/attestations';
import { type AuditWriter, openAuditWriter } from './audit';
import { BatchRoom } from './batch-room';
import { type Caches, cacheCounters, evictHandles, openCaches, openFeed } from './caches';
import { type Config, attestationRoots, rateLimits, requireDatabaseUrl } from './config';
import { type ChangeFeed, type Database, openDatabase } from './db';
import type { Corridor } from './corridor';
import type { StoreConnections } from './custom-key-stores/connections';
import { type Served, buildListeners } from './listen';
import { requireServable } from './keys/storage';
import { type Log, describeError } from './log';
import { Metrics } from './metrics';
import type { Ports } from './ports';
import { OwnRates } from './rates/own-rates';
import type { Rates } from './rates/rates';
import { RequestRates } from './request-rates/request-rates';
import { requestLog, xksOverloadLog, xksRequestLog } from './request-log';
import { buildServices } from './services';
import { buildSignatures } from './signatures';
import { type OpenKeyStores, openCustomKeyStores } from './store-connections';
import { storeConnectors } from './store-connectors';
import { buildJobs } from './timed-work';
import { tokenOptions } from './token-options';
import { noteUses } from './uses';
import { watchHealth } from './watch-health';

/** One worker, serving. */
export interface Daemon {
  readonly ports: Ports;
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
  /** Shared with the other workers of the daemon; by default there are none. */
  readonly rates?: Rates;
  /** The process can serve no more and must be replaced. */
  readonly onFatal: (reason: string) => void;
}

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

type CloseStep = (lingerMs: number) => unknown;

async function build(
  options: DaemonOptions,
  onClose: (step: CloseStep) => void,
): Promise<Omit<Daemon, 'close'>> {
  const { config, log } = options;
  const metrics = new Metrics();
  const database = connect(config, { log, metrics, poolSize: config.databasePoolSize });
  onClose(() => database.close());
  await database.check();
  const token = await openMeasured(options, metrics);
  onClose(() => token.close());
  await requireServable({ db: database, token, storage: config.keyMaterial });
  const feed = openFeed({ config, url: requireDatabaseUrl(config), database, log });
  onClose(() => feed.close());
  const caches = openCaches(feed, config);
  const customKeyStores = openStores(options, metrics, { database, token, feed });
  onClose(() => customKeyStores.close());
  const { connections } = customKeyStores;
  evictHandles(feed, { database, tokens: () => [token, ...connections.openTokens()] });
  await feed.listening();
  const audit = openAudit(options, metrics, onClose);
  const onLeftover = sayLeftover(log);
  const parts = { database, changes: feed, audit, onLeftover };
  const signatures = buildSignatures({ config, database, token, caches });
  const attestations = attestationsOf(config, log);
  // A key that is busy must not come to the end of its material before somebody looks.
  const onWorn = (): void => void jobs.look();
  const uses = noteUses({ config, database, log, metrics, onWorn });
  onClose(() => Promise.all([uses.lastUsed.close(), uses.keyUses.close()]));
  const rates = options.rates ?? new OwnRates();
  const corridor: Corridor = {
    ...parts,
    requestRates: requestRatesOf(config, rates, metrics),
    batchRoom: new BatchRoom(),
    services: buildServices(config, {
      ...{ ...parts, token, caches, signatures, attestations, customKeyStores, ...uses },
    }),
    service: { region: config.region, accountId: config.accountId },
    onRequest: both(requestLog(log), (event) => metrics.request(event)),
  };
  observe(metrics, { caches, token, connections });
  const jobs = buildJobs({ config, log, metrics, corridor });
  onClose(() => jobs.close());
  const health = watchHealth({ config, database, token, connections, log });
  onClose(() => health.close());
  await health.start();
  const listeners = buildListeners({
    ...{ corridor, caches, lastUsed: uses.lastUsed, signatures, health },
    ...ofTheProcess(options, metrics),
    rates,
  });
  onClose((lingerMs) => listeners.close(config.shutdownGraceMs, lingerMs));
  const ports = await listeners.listen();
  jobs.start();
  // What is under way ends while requests in flight do.
  onClose(() => jobs.stop());
  return { ports, metrics: () => metrics.asJson() };
}

/** What listeners are given that rests on no other part. */
function ofTheProcess(
  options: DaemonOptions,
  metrics: Metrics,
): Omit<Served, 'corridor' | 'caches' | 'lastUsed' | 'signatures' | 'health' | 'rates'> {
  const { config, log } = options;
  return {
    ...{ config, log },
    onXksOverload: both(xksOverloadLog(log), (refused) => metrics.xks.overload(refused)),
    onXksRequest: both(xksRequestLog(log), (event) => metrics.xks.request(event)),
    metrics: options.metrics ?? (() => metrics.text()),
  };
}

function requestRatesOf(config: Config, rates: Rates, metrics: Metrics): RequestRates | undefined {
  const limits = rateLimits(config);
  if (limits === undefined) return undefined;
  return new RequestRates({ limits, rates, onThrottled: (group) => metrics.throttled(group) });
}

function openStores(
  { config, log }: DaemonOptions,
  metrics: Metrics,
  parts: { readonly database: Database; readonly token: Token; readonly feed: ChangeFeed },
): OpenKeyStores {
  const connectors = storeConnectors({ config, log, metrics, token: parts.token });
  return openCustomKeyStores({ config, log, connectors, ...parts });
}

function openMeasured({ config, log, onFatal }: DaemonOptions, metrics: Metrics): Promise<Token> {
  return openToken({
    ...tokenOptions(config, log),
    onOperation: (operation, seconds, outcome) =>
      metrics.tokenOperation(operation, seconds, outcome),
    onFailed: onFatal,
  });
}

/** On a connection of its own. */
function openAudit(
  { config, log }: DaemonOptions,
  metrics: Metrics,
  onClose: (step: CloseStep) => void,
): AuditWriter {
  const database = connect(config, { log, metrics, poolSize: 1 });
  onClose(() => database.close());
  const audit = openAuditWriter({ database, waitMs: config.databaseStatementTimeoutMs });
  onClose(() => audit.close());
  return audit;
}

function sayLeftover(log: Log): (error: unknown) => void {
  return (error) =>
    log.error('what a failed change made in the token is left there', {
      error: describeError(error),
    });
}

function attestationsOf(config: Config, log: Log): Attestations {
  return new Attestations({
    roots: attestationRoots(config),
    onRefused: (reason) =>
      log.info('an attestation document was not accepted', { reason: describeError(reason) }),
  });
}

interface ToObserve {
  readonly caches: Caches;
  readonly token: Token;
  readonly connections: Pick<StoreConnections, 'tokensReady'>;
}

function observe(metrics: Metrics, { caches, token, connections }: ToObserve): void {
  metrics.observe({
    caches: () => cacheCounters(caches, token),
    tokenSessions: () => token.counters().sessions,
    tokenReady: () => token.status().state === 'ready',
    storeTokensReady: () => connections.tokensReady(),
  });
}

function connect(
  config: Config,
  { log, metrics, poolSize }: { log: Log; metrics: Metrics; poolSize: number },
): Database {
  return openDatabase({
    url: requireDatabaseUrl(config),
    poolSize,
    statementTimeoutMs: config.databaseStatementTimeoutMs,
    connectTimeoutMs: config.databaseConnectTimeoutMs,
    onQuery: ({ name, milliseconds, outcome }) =>
      metrics.databaseQuery(name, milliseconds / 1000, outcome),
    onConnectionLost: (error) =>
      log.warn('a database connection was lost', { error: describeError(error) }),
  });
}

function both<T extends readonly unknown[]>(
  first: (...values: T) => void,
  second: (...values: T) => void,
): (...values: T) => void {
  return (...values) => {
    first(...values);
    second(...values);
  };
}
