import {
  type RateAmount,
  type RatesGranted,
  type RatesHeld,
  longestCycleMs,
  paceOf,
  shareOf,
} from './messages';
import type { Now, Rates } from './rates';

export interface LeasedRatesOptions {
  /** Of the daemon, this one included. */
  readonly workers: number;
  readonly send: (message: RatesHeld) => void;
  readonly now?: Now;
  readonly later?: (step: () => void, milliseconds: number) => void;
}

/** A worker's part of a rate. */
interface Lease {
  readonly perSecond: number;
  /** As much as it ever holds. */
  readonly share: number;
  left: number;
  /** It was asked for something since it was last reported. */
  used: boolean;
}

/**
 * How long the primary is waited for. It answers in a few milliseconds; after this a worker helps itself to its share of the rate,
 * as all the others may.
 */
export const patienceMs = 250;

/**
 * The rates of a worker of several. It takes from its part, which the primary fills up: see RatePool. While anything is
 * taken, or is missing, it reports what it has, once for each answer of the primary; a part that is whole and not used
 * needs neither report nor memory.
 */
export class LeasedRates implements Rates {
  private readonly leases = new Map<string, Lease>();
  private readonly now: Now;
  private readonly later: (step: () => void, milliseconds: number) => void;
  private readonly reportMs: number;
  /** A report is about to be sent, or to be answered. */
  private reporting = false;
  private reportedAt = 0;
  /** Until when this worker has helped itself. */
  private helpedAt = 0;

  constructor(private readonly options: LeasedRatesOptions) {
    this.now = options.now ?? (() => performance.now());
    this.later = options.later ?? ((step, milliseconds) => void setTimeout(step, milliseconds));
    this.reportMs = paceOf(options.workers).reportMs;
  }

  take(key: string, perSecond: number): boolean {
    let lease = this.leases.get(key);
    if (lease?.perSecond !== perSecond) lease = this.open(key, perSecond);
    lease.used = true;
    if (!this.reporting) this.reportSoon();
    if (lease.left < 1) this.helpIfForsaken();
    if (lease.left < 1) return false;
    lease.left -= 1;
    return true;
  }

  /** At the latest: where all other workers lack some too, and the next hand-out was just missed. */
  secondsUntil(key: string, perSecond: number): number {
    const { left = 1 } = this.leases.get(key) ?? {};
    const { workers } = this.options;
    return (Math.max(0, 1 - left) * workers) / perSecond + (2 * longestCycleMs) / 1000;
  }

  /** What the primary answered. */
  granted({ granted }: RatesGranted): void {
    for (const { key, perSecond, amount } of granted) {
      const lease = this.leases.get(key);
      if (lease?.perSecond === perSecond) add(lease, amount);
    }
    this.reporting = false;
    if (this.leases.size > 0) this.reportSoon();
  }

  /** How many rates are in use. */
  get size(): number {
    return this.leases.size;
  }

  /** A rate that was changed is another: its old lease is in no report any more. */
  private open(key: string, perSecond: number): Lease {
    const share = shareOf(perSecond, this.options.workers);
    const lease = { perSecond, share, left: share, used: true };
    this.leases.set(key, lease);
    return lease;
  }

  private reportSoon(): void {
    this.reporting = true;
    this.reportedAt = this.now();
    this.later(() => {
      this.report();
    }, this.reportMs);
  }

  private report(): void {
    const held: RateAmount[] = [];
    for (const [key, lease] of this.leases) {
      if (!lease.used && lease.left >= lease.share) this.leases.delete(key);
      else held.push({ key, perSecond: lease.perSecond, amount: lease.left });
      lease.used = false;
    }
    this.options.send({ kind: 'rates-held', held });
  }

  /** The primary owes an answer for too long: every part grows as if all workers used the rate alike. */
  private helpIfForsaken(): void {
    const now = this.now();
    if (now - this.reportedAt <= patienceMs) return;
    const since = Math.max(this.helpedAt, this.reportedAt + patienceMs);
    for (const lease of this.leases.values()) {
      add(lease, ((now - since) / 1000) * (lease.perSecond / this.options.workers));
    }
    this.helpedAt = now;
  }
}

function add(lease: Lease, amount: number): void {
  lease.left = Math.min(lease.left + amount, lease.share);
}
