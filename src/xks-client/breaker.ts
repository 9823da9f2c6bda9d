import { XksFault } from './client';

export interface BreakerOptions {
  /** Failures in a row after which nothing more is tried for a while. */
  readonly threshold: number;
  readonly pauseMs: number;
  /** A steady clock, in milliseconds. */
  readonly now: () => number;
}

/**
 * A circuit breaker: requests to a proxy that is gone fail at once, in place of each waiting for two deadlines. It lets one
 * request a pause through, and what that meets decides. (The releases of cockatiel and opossum that are still kept need a
 * newer Node than ours.)
 */
export class Breaker {
  private failures = 0;
  private trialAt = 0;
  private last: XksFault | undefined;

  constructor(private readonly options: BreakerOptions) {}

  /** Throws what is wrong with the proxy, as the last that met it did. */
  requireClosed(): void {
    const { last, options } = this;
    if (last === undefined || this.failures < options.threshold) return;
    const now = options.now();
    if (now >= this.trialAt) {
      this.trialAt = now + options.pauseMs;
      return;
    }
    throw new XksFault(last.kind, `not tried, after ${this.failures} failures: ${last.message}`, {
      cause: last.cause,
    });
  }

  /** The proxy answered, whatever it said. */
  succeeded(): void {
    this.failures = 0;
    this.last = undefined;
  }

  /** It could not be asked, or did not answer. */
  failed(fault: XksFault): void {
    this.failures += 1;
    this.last = fault;
    this.trialAt = this.options.now() + this.options.pauseMs;
  }
}
