import { describeError } from '../log';
import type { Log } from '../log';

/** A part that must work before requests are sent here; `check` rejects when it does not. */
export interface ReadinessCheck {
  readonly name: string;
  readonly check: () => Promise<void>;
}

export interface ReadinessOptions {
  readonly checks: readonly ReadinessCheck[];
  readonly log?: Log;
  /** How long one check may take; default 2,000 ms. */
  readonly timeoutMs?: number;
  /** How long a result is good for; default 1,000 ms. */
  readonly cacheMs?: number;
  /** A clock that never goes back, in milliseconds. */
  readonly now?: () => number;
}

/** The names of the parts that failed when they were really exercised, within the last second. */
export type Readiness = () => Promise<readonly string[]>;

/** Why a part failed is in the log only. */
export function readiness(options: ReadinessOptions): Readiness {
  return shared(failingParts(options), options);
}

type Probe = () => Promise<string | undefined>;

function failingParts(options: ReadinessOptions): () => Promise<string[]> {
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
function probe({ name, check }: ReadinessCheck, options: ReadinessOptions): Probe {
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
function shared<T>(run: () => Promise<T>, options: ReadinessOptions): () => Promise<T> {
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
