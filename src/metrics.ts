import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { RequestEvent } from './corridor';
import type { Group } from './request-rates/groups';
import type { ProxyRequestEvent } from './xks-client/proxy-client';
import { XksMetrics } from './xks/metrics';

/** Seconds, from a token operation of a few microseconds to a slow RSA key generation. */
const fine = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5,
];
const coarse = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

export interface CacheCounters {
  readonly hits: number;
  readonly misses: number;
}

export interface Observed {
  /** Read when a scrape asks. */
  readonly caches: () => Readonly<Record<string, CacheCounters>>;
  readonly tokenSessions: () => number;
  readonly tokenReady: () => boolean;
  /** By custom key store. */
  readonly storeTokensReady: () => ReadonlyMap<string, boolean>;
}

/** Custom key stores with a name of their own among the labels; what comes after them is one. */
const maxStores = 100;

function bounded(ready: ReadonlyMap<string, boolean>): ReadonlyMap<string, boolean> {
  const stores = [...ready];
  const named = new Map(stores.slice(0, maxStores));
  const others = stores.slice(maxStores);
  if (others.length > 0) {
    named.set(
      'other',
      others.every(([, isReady]) => isReady),
    );
  }
  return named;
}

/** The metrics of one worker; `/metrics` shows the sum over all of them. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly requests = new Counter({
    name: 'claviger_requests_total',
    help: 'Requests by operation and outcome (ok, or the error code).',
    labelNames: ['operation', 'outcome'],
    registers: [this.registry],
  });
  private readonly requestSeconds = new Histogram({
    name: 'claviger_request_seconds',
    help: 'Time from the end of the headers to the answer.',
    labelNames: ['operation'],
    buckets: coarse,
    registers: [this.registry],
  });
  private readonly throttledRequests = new Counter({
    name: 'claviger_throttled_requests_total',
    help: 'Requests refused because their principal made too many of the group.',
    labelNames: ['group'],
    registers: [this.registry],
  });
  private readonly tokenSeconds = new Histogram({
    name: 'claviger_token_operation_seconds',
    help: 'Time of a token operation.',
    labelNames: ['operation', 'outcome'],
    buckets: fine,
    registers: [this.registry],
  });
  private readonly databaseSeconds = new Histogram({
    name: 'claviger_database_query_seconds',
    help: 'Time of a database statement.',
    labelNames: ['statement', 'outcome'],
    buckets: coarse,
    registers: [this.registry],
  });

  private readonly jobs = new Counter({
    name: 'claviger_jobs_total',
    help: 'Timed work by job and outcome (done, failed).',
    labelNames: ['job', 'outcome'],
    registers: [this.registry],
  });
  private readonly overdue = new Gauge({
    name: 'claviger_jobs_overdue',
    help: 'Timed work that was due and not done when a worker last looked: the most that one of them saw.',
    labelNames: ['job'],
    // All workers look at the same database.
    aggregator: 'max',
    registers: [this.registry],
  });

  private readonly reserved = new Counter({
    name: 'claviger_encryptions_reserved_total',
    help: 'Encryptions that workers have reserved of what key materials may make.',
    registers: [this.registry],
  });

  private readonly proxyRequests = new Histogram({
    name: 'claviger_xks_proxy_request_seconds',
    help: 'Time of a request to the proxy of an external key store, its retry included, by outcome (ok, or the fault).',
    labelNames: ['operation', 'outcome'],
    buckets: coarse,
    registers: [this.registry],
  });
  private readonly proxiesHealthy = new Gauge({
    name: 'claviger_xks_proxy_healthy',
    help: 'Whether the proxy of a connected external key store was healthy when a worker last asked: 0 where one of them says no.',
    labelNames: ['proxy'],
    aggregator: 'min',
    registers: [this.registry],
  });
  readonly xks = new XksMetrics(this.registry);

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: 'claviger_' });
    new Gauge({
      name: 'claviger_workers',
      help: 'Workers whose metrics are in this sum.',
      registers: [this.registry],
    }).set(1);
  }

  request({ trail, seconds, outcome }: RequestEvent): void {
    const operation = trail.operation ?? 'unknown';
    this.requests.inc({ operation, outcome });
    this.requestSeconds.observe({ operation }, seconds);
  }

  throttled(group: Group): void {
    this.throttledRequests.inc({ group });
  }

  tokenOperation(operation: string, seconds: number, outcome: string): void {
    this.tokenSeconds.observe({ operation, outcome }, seconds);
  }

  databaseQuery(statement: string | undefined, seconds: number, outcome: string): void {
    this.databaseSeconds.observe({ statement: statement ?? 'unnamed', outcome }, seconds);
  }

  /** Shows a job before anything of it was due, so that an alert has something to look at. */
  jobKnown(job: string): void {
    for (const outcome of ['done', 'failed']) this.jobs.inc({ job, outcome }, 0);
    this.jobsOverdue(job, 0);
  }

  jobEnded(job: string, outcome: 'done' | 'failed'): void {
    this.jobs.inc({ job, outcome });
  }

  encryptionsReserved(count: number): void {
    this.reserved.inc(count);
  }

  proxyRequest({ operation, outcome, seconds }: ProxyRequestEvent): void {
    this.proxyRequests.observe({ operation, outcome }, seconds);
  }

  /** Undefined: its store is connected no more. */
  proxyHealth(proxy: string, healthy: boolean | undefined): void {
    if (healthy === undefined) this.proxiesHealthy.remove({ proxy });
    else this.proxiesHealthy.set({ proxy }, healthy ? 1 : 0);
  }

  jobsOverdue(job: string, count: number): void {
    this.overdue.set({ job }, count);
  }

  observe(observed: Observed): void {
    const registers = [this.registry];
    for (const kind of ['hits', 'misses'] as const) {
      new Gauge({
        name: `claviger_cache_${kind}`,
        help: `Look-ups of a cache that were ${kind}, since the worker started.`,
        labelNames: ['cache'],
        registers,
        collect() {
          for (const [cache, counters] of Object.entries(observed.caches())) {
            this.set({ cache }, counters[kind]);
          }
        },
      });
    }
    new Gauge({
      name: 'claviger_token_sessions',
      help: 'Open token sessions.',
      registers,
      collect() {
        this.set(observed.tokenSessions());
      },
    });
    new Gauge({
      name: 'claviger_token_ready',
      help: 'Workers whose token answers.',
      registers,
      collect() {
        this.set(observed.tokenReady() ? 1 : 0);
      },
    });
    new Gauge({
      name: 'claviger_custom_key_store_token_ready',
      help: 'Whether the token of a custom key store answers: 0 where one of the workers that use it says no.',
      labelNames: ['store'],
      aggregator: 'min',
      registers,
      collect() {
        this.reset();
        for (const [store, ready] of bounded(observed.storeTokensReady())) {
          this.set({ store }, ready ? 1 : 0);
        }
      },
    });
  }

  /** This worker's metrics alone, as prom-client sums them up. */
  asJson(): Promise<readonly object[]> {
    return this.registry.getMetricsAsJSON();
  }

  /** This worker's metrics alone, in the Prometheus text format. */
  async text(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.registry.contentType, body: await this.registry.metrics() };
  }
}
