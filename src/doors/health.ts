import { Router } from 'express';
import { describeError } from '../log';
import type { Log } from '../log';

/** A part that must work before requests are sent here; `check` rejects when it does not. */
export interface ReadinessCheck {
  readonly name: string;
  readonly check: () => Promise<void>;
}

export interface HealthOptions {
  readonly checks: readonly ReadinessCheck[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
  readonly log?: Log;
  /** How long one check may take; default 2,000 ms. */
  readonly timeoutMs?: number;
  /** How long a result is good for; default 1,000 ms. */
  readonly cacheMs?: number;
  /** A clock that never goes back, in milliseconds. */
  readonly now?: () => number;
}

/**
 * `/healthz`: the process answers. `/readyz`: the parts it needs were really exercised within the
 * last second, or 503 with the names of those that failed; why they did is in the log only.
 * `/metrics`: what Prometheus scrapes.
 */
export function healthRouter(options: HealthOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const failing = shared(failingParts(options), options);
  router.get('/healthz', (_req, res) => {
    res.json({ status: 'ok' });
  });
  router.get('/readyz', async (_req, res) => {
    const names = await failing();
    if (names.length === 0) res.json({ status: 'ready' });
    else res.status(503).json({ status: 'unavailable', failing: names });
  });
  router.get('/metrics', async (_req, res) => {
    const { contentType, body } = await options.metrics();
    res.set('Content-Type', contentType).send(body);
  });
  return router;
}

type Probe = () => Promise<string | undefined>;

function failingParts(options: HealthOptions): () => Promise<string[]> {
  const probes = options.checks.map((check) => probe(check, options));
  return async () => {
    const results = await Promise.all(probes.map((run) => run()));
    return results.filter((name) => name !== undefined);
  };
}

/**
 * Runs a check within the time allowed and names it if it failed. A check that hangs is not started
 * again: were it, every poll would leave one more call stuck in the part that is in trouble.
 */
function probe({ name, check }: ReadinessCheck, options: HealthOptions): Probe {
  const { log, timeoutMs = 2_000 } = options;
  let running: Promise<void> | undefined;
  return async () => {
    running ??= Promise.resolve()
      .then(check)
      .finally(() => {
        running = undefined;
      });
    try {
      await within(timeoutMs, running);
      return undefined;
    } catch (error) {
      log?.warn('a readiness check failed', { check: name, error: describeError(error) });
      return name;
    }
  };
}

async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no result within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One run serves everyone who asks while it lasts and for `cacheMs` after it ended. */
function shared<T>(run: () => Promise<T>, options: HealthOptions): () => Promise<T> {
  const { cacheMs = 1_000, now = () => performance.now() } = options;
  let current: Promise<T> | undefined;
  let goodUntil = Infinity;
  return () => {
    if (current !== undefined && now() < goodUntil) return current;
    goodUntil = Infinity;
    current = run().finally(() => {
      goodUntil = now() + cacheMs;
    });
    return current;
  };
}
