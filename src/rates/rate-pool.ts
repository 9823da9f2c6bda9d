import { patienceMs } from './leased-rates';
import { type RateAmount, type RatesGranted, type RatesHeld, paceOf, shareOf } from './messages';
import type { Now } from './rates';

export interface RatePoolOptions<W> {
  /** That the daemon has when none is missing. */
  readonly workers: number;
  readonly send: (worker: W, message: RatesGranted) => void;
  readonly now?: Now;
  readonly later?: (step: () => void, milliseconds: number) => void;
}

/** A rate that workers use. */
interface Pool<W> {
  readonly key: string;
  readonly perSecond: number;
  readonly share: number;
  /** What has grown since, and is nobody's yet. */
  left: number;
  /** When `left` was so. */
  at: number;
  /** What each worker had when it last said so. Of one that said nothing: its whole share. */
  readonly held: Map<W, number>;
}

/**
 * The rates of a daemon, in its primary. A rate grows by `perSecond` a second until every worker's part is whole again, and
 * what has grown is handed out in rounds to the workers that have reported: evenly, and to none more than it lacks. So all
 * workers together never take more than a second's worth at once and `perSecond` from then on, however they divide the
 * requests; a busy worker gets what the idle ones do not use, and busy ones get the same.
 */
export class RatePool<W> {
  private readonly pools = new Map<string, Pool<W>>();
  /** The names of its pools by worker. */
  private readonly known = new Map<W, ReadonlySet<string>>();
  /** Workers whose report is not answered yet. */
  private readonly waiting = new Set<W>();
  private readonly now: Now;
  private readonly later: (step: () => void, milliseconds: number) => void;
  private readonly handOutMs: number;
  private roundComes = false;

  constructor(private readonly options: RatePoolOptions<W>) {
    this.now = options.now ?? (() => performance.now());
    this.later = options.later ?? ((step, milliseconds) => void setTimeout(step, milliseconds));
    this.handOutMs = paceOf(options.workers).handOutMs;
  }

  report(worker: W, { held }: RatesHeld): void {
    const names = new Set(held.map(nameOf));
    this.forget(worker, names);
    this.known.set(worker, names);
    for (const amount of held) {
      const pool = this.pools.get(nameOf(amount)) ?? this.open(amount);
      this.grow(pool);
      pool.held.set(worker, Math.min(amount.amount, pool.share));
    }
    this.waiting.add(worker);
    if (this.roundComes) return;
    this.roundComes = true;
    this.later(() => {
      this.round();
    }, this.handOutMs);
  }

  /** The worker is gone. What it had counts as unused: the next one in its place starts with a share. */
  leave(worker: W): void {
    this.forget(worker, new Set());
    this.known.delete(worker);
    this.waiting.delete(worker);
  }

  /** How many rates are in use. */
  get size(): number {
    return this.pools.size;
  }

  private open({ key, perSecond }: RateAmount): Pool<W> {
    const share = shareOf(perSecond, this.options.workers);
    const pool = { key, perSecond, share, left: 0, at: this.now(), held: new Map<W, number>() };
    this.pools.set(nameOf(pool), pool);
    return pool;
  }

  /** Drops a worker's part of the pools that it does not name any more. */
  private forget(worker: W, names: ReadonlySet<string>): void {
    for (const name of this.known.get(worker) ?? []) {
      const pool = this.pools.get(name);
      if (pool === undefined || names.has(name)) continue;
      this.grow(pool);
      pool.held.delete(worker);
      if (pool.held.size === 0) this.pools.delete(name);
    }
  }

  /** By no more than is missing. If this process hung, the workers have helped themselves in the meantime. */
  private grow(pool: Pool<W>): void {
    const now = this.now();
    const seconds = Math.min(now - pool.at, patienceMs) / 1000;
    let missing = 0;
    for (const held of pool.held.values()) missing += pool.share - held;
    pool.left = Math.min(pool.left + seconds * pool.perSecond, missing);
    pool.at = now;
  }

  private round(): void {
    this.roundComes = false;
    const granted = new Map<W, RateAmount[]>();
    for (const worker of this.waiting) granted.set(worker, []);
    this.waiting.clear();
    for (const pool of this.pools.values()) {
      this.grow(pool);
      this.handOut(pool, granted);
    }
    for (const [worker, amounts] of granted) {
      this.options.send(worker, { kind: 'rates-granted', granted: amounts });
    }
  }

  /** Those that lack least first: what they leave of an even part is for the others. */
  private handOut(pool: Pool<W>, granted: ReadonlyMap<W, RateAmount[]>): void {
    const { key, perSecond, share, held } = pool;
    const asking = [...held]
      .filter(([worker]) => granted.has(worker))
      .sort(([, a], [, b]) => b - a);
    for (const [index, [worker, has]] of asking.entries()) {
      const amount = Math.min(share - has, pool.left / (asking.length - index));
      if (amount <= 0) continue;
      pool.left -= amount;
      held.set(worker, has + amount);
      granted.get(worker)?.push({ key, perSecond, amount });
    }
  }
}

function nameOf({ key, perSecond }: Pick<RateAmount, 'key' | 'perSecond'>): string {
  return `${perSecond} ${key}`;
}
