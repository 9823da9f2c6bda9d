import type { Queryable } from '../db';
import { type Backoff, claim, countOverdue, forget } from './attempts';
import type { Job } from './job';

export type JobEvent =
  | { readonly kind: 'done'; readonly job: string; readonly subject: string }
  | {
      readonly kind: 'failed';
      readonly job: string;
      readonly subject: string;
      readonly attempts: number;
      readonly error: unknown;
    }
  /** After each look for what is due. */
  | { readonly kind: 'overdue'; readonly job: string; readonly count: number }
  /** The database could not say what is due; the next look may. */
  | { readonly kind: 'not-looked'; readonly job: string; readonly error: unknown };

export interface JobTimerOptions {
  readonly db: Queryable;
  readonly jobs: readonly Job[];
  /** Between two looks on average; the pause after a first failure too. */
  readonly intervalMs: number;
  /** Added to the database's clock; for tests. */
  readonly clockOffsetSeconds?: number;
  readonly onEvent: (event: JobEvent) => void;
}

/** Subjects of one job in a row, so that no job holds up another for long. */
const maxInARow = 100;

const longestBackoffSeconds = 3600;

/**
 * Looks for timed work now and then, and does it, one thing at a time. Every worker has one; who claims a row first does it.
 * The timer keeps no process alive.
 */
export class JobTimer {
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private stopped = false;
  private readonly backoff: Backoff;

  constructor(private readonly options: JobTimerOptions) {
    const firstSeconds = Math.min(options.intervalMs / 1000, longestBackoffSeconds);
    this.backoff = { firstSeconds, longestSeconds: longestBackoffSeconds };
  }

  /** The first look comes within the interval: workers that were started together do not look together. */
  start(): void {
    this.wait(this.options.intervalMs * Math.random());
  }

  /** Looks now, and does what is due and can be claimed. Never rejects. */
  async look(): Promise<void> {
    this.looking ??= this.lookAtAll().finally(() => (this.looking = undefined));
    await this.looking;
  }

  /** Nothing is begun any more. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    this.stop();
    await this.looking;
  }

  private wait(milliseconds: number): void {
    this.timer = setTimeout(() => {
      void this.look().then(() => {
        if (!this.stopped) this.wait(this.options.intervalMs * (0.5 + Math.random()));
      });
    }, milliseconds);
    this.timer.unref();
  }

  private async lookAtAll(): Promise<void> {
    for (const job of this.options.jobs) {
      try {
        for (let done = 0; done < maxInARow && (await this.next(job)); done += 1);
        const count = await countOverdue(this.options.db, job, this.clock);
        this.options.onEvent({ kind: 'overdue', job: job.name, count });
      } catch (error) {
        this.options.onEvent({ kind: 'not-looked', job: job.name, error });
      }
    }
  }

  /** Whether there was something to do. */
  private async next(job: Job): Promise<boolean> {
    if (this.stopped) return false;
    const { db, onEvent } = this.options;
    const { clock, backoff } = this;
    const claimed = await claim(db, job, { ...clock, backoff });
    if (claimed === undefined) return false;
    const about = { job: job.name, subject: claimed.subject };
    try {
      const did = await job.run({ subject: claimed.subject, ...clock });
      if (did) onEvent({ kind: 'done', ...about });
    } catch (error) {
      onEvent({ kind: 'failed', ...about, attempts: claimed.attempts, error });
      return true;
    }
    await forget(db, job, claimed);
    return true;
  }

  private get clock(): { readonly clockOffsetSeconds: number } {
    return { clockOffsetSeconds: this.options.clockOffsetSeconds ?? 0 };
  }
}
