import type { Now, Rates } from './rates';

/** What is left of a key's second. */
interface Bucket {
  perSecond: number;
  left: number;
  /** When `left` was so. */
  at: number;
}

/** Buckets are looked through for full ones, which say nothing, when there are twice as many as were left then. */
const firstSweep = 1024;

/** The rates of a process that shares them with no other: a bucket each, which runs full in a second. */
export class OwnRates implements Rates {
  private readonly buckets = new Map<string, Bucket>();
  private sweepAt = firstSweep;

  constructor(private readonly now: Now = () => performance.now()) {}

  take(key: string, perSecond: number): boolean {
    const now = this.now();
    const bucket = this.buckets.get(key) ?? this.open(key, perSecond, now);
    fill(bucket, perSecond, now);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }

  secondsUntil(key: string, perSecond: number): number {
    const { left = 1 } = this.buckets.get(key) ?? {};
    return Math.max(0, 1 - left) / perSecond;
  }

  /** How many keys are kept in mind. */
  get size(): number {
    return this.buckets.size;
  }

  private open(key: string, perSecond: number, now: number): Bucket {
    if (this.buckets.size >= this.sweepAt) this.sweep(now);
    const bucket = { perSecond, left: capacityOf(perSecond), at: now };
    this.buckets.set(key, bucket);
    return bucket;
  }

  private sweep(now: number): void {
    for (const [key, bucket] of this.buckets) {
      fill(bucket, bucket.perSecond, now);
      if (bucket.left >= capacityOf(bucket.perSecond)) this.buckets.delete(key);
    }
    this.sweepAt = Math.max(firstSweep, this.buckets.size * 2);
  }
}

/** A rate that was changed holds from now on; what is left above it is lost. */
function fill(bucket: Bucket, perSecond: number, now: number): void {
  const gained = ((now - bucket.at) * bucket.perSecond) / 1000;
  bucket.left = Math.min(bucket.left + gained, capacityOf(perSecond));
  bucket.at = now;
  bucket.perSecond = perSecond;
}

/** Who may do something less than once a second must be able to do it at all. */
function capacityOf(perSecond: number): number {
  return Math.max(1, perSecond);
}
