import { Acknowledgements } from './acknowledgements';
import { DatabaseError } from './errors';
import { Listener } from './listener';
import type { Announcement, Change, Database, Statement } from './queryable';
import { changeChannel } from './transaction';

export type FeedEvent =
  /** Caches are not trusted from now on. */
  | { readonly kind: 'lost'; readonly error: DatabaseError }
  /** Caches were dropped and are trusted again. */
  | { readonly kind: 'listening' }
  /** A handler threw; the worker acknowledges nothing and drops everything instead. */
  | { readonly kind: 'handler-failed'; readonly error: unknown }
  /** The bounded wait is over; undefined: the database could not say who is alive. */
  | { readonly kind: 'unacknowledged'; readonly workers: readonly string[] | undefined };

export interface FeedOptions {
  readonly url: string;
  /** Its workerId is this worker's name; it also tells which workers are alive. */
  readonly database: Database;
  /** Longest time that acknowledged() waits. Heartbeat and lease follow from it: see leaseShare. */
  readonly waitMs: number;
  readonly connectTimeoutMs: number;
  readonly onEvent?: (event: FeedEvent) => void;
}

/** Cache invalidation between the workers of one database, with acknowledgement. */
export interface ChangeFeed {
  /** False while changes may be missed: then nothing cached may be used. */
  readonly trusted: boolean;
  /** Grows with every change and every reset: a load that began in an earlier epoch may be stale. */
  readonly epoch: number;
  /** Runs for each change, own ones included, before it is acknowledged. */
  onChange(handler: (change: Change) => void | Promise<void>): void;
  /** Drops everything; runs when the feed listens again, before it is trusted. */
  onReset(handler: () => void | Promise<void>): void;
  /** Resolves when the feed is trusted. */
  listening(): Promise<void>;
  /**
   * Call after the commit. Resolves when every live worker has acknowledged the changes, or after the bounded wait with
   * the event `unacknowledged`: by then a worker that cannot acknowledge has stopped trusting its caches.
   */
  acknowledged(announcements: readonly Announcement[]): Promise<void>;
  close(): Promise<void>;
}

/** Starts to listen at once. Add the handlers in the same tick. */
export function openChangeFeed(options: FeedOptions): ChangeFeed {
  return new ListeningFeed(options);
}

/** Channel of acknowledgements: `<worker id> <number> <number> …`, or `<worker id> *` of a worker that starts empty. */
const ackChannel = 'claviger_ack';
const everything = '*';

const listenerPrefix = 'claviger-listener/';

/**
 * A worker trusts its caches for this share of the wait after the last proof that its listener lives. It is below 1, so
 * that a worker which was cut off, or stopped with SIGSTOP, falls silent before the revoking call answers.
 */
const leaseShare = 5 / 6;

/** Two heartbeats and the answer of the second fit into a lease. */
const heartbeatShare = 1 / 3;

/** Numbers in one acknowledgement; 50 bytes each, a notification may have 8000. */
const maxNumbers = 100;

/** A worker that dies while we wait leaves pg_stat_activity; this is how soon that is noticed. */
const liveCheckMs = 200;

type Handler<T> = (subject: T) => void | Promise<void>;

class ListeningFeed implements ChangeFeed {
  epoch = 0;
  private readonly changeHandlers: Handler<Change>[] = [];
  private readonly resetHandlers: Handler<void>[] = [];
  private readonly acknowledgements = new Acknowledgements();
  private readonly listener: Listener;
  private readonly waitingForTrust = new Set<() => void>();
  /** When, at the earliest, the changes were committed whose handlers still run; oldest first. */
  private readonly handling = new Set<{ readonly since: number }>();
  private outbox: string[] = [];
  private lost = true;

  constructor(private readonly options: FeedOptions) {
    this.listener = new Listener({
      url: options.url,
      applicationName: `${listenerPrefix}${options.database.workerId}`,
      channels: [changeChannel, ackChannel],
      connectTimeoutMs: options.connectTimeoutMs,
      heartbeatMs: options.waitMs * heartbeatShare,
      onListening: () => this.reset(),
      onNotification: (channel, payload) => this.receive(channel, payload),
      onLost: (error) => this.lose(error),
      onReady: () => this.recover(),
      nextStatement: () => this.nextAcknowledgement(),
    });
  }

  get trusted(): boolean {
    const confirmedAt = this.listener.confirmedAt;
    if (confirmedAt === undefined) return false;
    const [oldest] = this.handling;
    const since = oldest === undefined ? confirmedAt : Math.min(confirmedAt, oldest.since);
    return performance.now() - since < this.options.waitMs * leaseShare;
  }

  onChange(handler: Handler<Change>): void {
    this.changeHandlers.push(handler);
  }

  onReset(handler: Handler<void>): void {
    this.resetHandlers.push(handler);
  }

  async listening(): Promise<void> {
    while (!this.trusted) {
      await new Promise<void>((resolve) => this.waitingForTrust.add(resolve));
    }
  }

  async acknowledged(announcements: readonly Announcement[]): Promise<void> {
    if (announcements.length === 0) return;
    const deadline = performance.now() + this.options.waitMs;
    let missing: string[] | undefined;
    let nextCheck = Number.NEGATIVE_INFINITY;
    for (let left = this.options.waitMs; left > 0; left = deadline - performance.now()) {
      if (performance.now() >= nextCheck) {
        const live = await within(left, this.liveWorkers());
        // A worker that appears later than the first look listened later than the commit, and started empty.
        missing = missing?.filter((worker) => live?.includes(worker) ?? true) ?? live;
        nextCheck = performance.now() + liveCheckMs;
      }
      missing = missing?.filter((worker) => !this.hasAcknowledged(worker, announcements));
      if (missing?.length === 0) break;
      await this.acknowledgements.next(Math.min(left, liveCheckMs));
    }
    for (const { number } of announcements) this.acknowledgements.forget(number);
    if (missing?.length !== 0) this.emit({ kind: 'unacknowledged', workers: missing });
  }

  async close(): Promise<void> {
    await this.listener.close();
  }

  private hasAcknowledged(worker: string, announcements: readonly Announcement[]): boolean {
    return announcements.every(({ number }) => this.acknowledgements.has(number, worker));
  }

  private async liveWorkers(): Promise<string[]> {
    const rows = await this.options.database.query<{ worker: string }>({
      name: 'live-workers',
      text: `select distinct substr(application_name, $2::integer) as worker
               from pg_stat_activity
              where datname = current_database() and starts_with(application_name, $1::text)`,
      values: [listenerPrefix, listenerPrefix.length + 1],
    });
    return rows.map(({ worker }) => worker);
  }

  private receive(channel: string, payload: string): void {
    if (channel === changeChannel) void this.change(payload);
    else this.acknowledge(payload);
  }

  private acknowledge(payload: string): void {
    const [worker, ...numbers] = payload.split(' ');
    if (worker === undefined) return;
    for (const number of numbers) {
      if (number === everything) this.acknowledgements.addToAll(worker);
      else if (number.startsWith(this.ownPrefix)) this.acknowledgements.add(number, worker);
    }
  }

  private async change(payload: string): Promise<void> {
    this.epoch += 1;
    const [, number, topic, id] = /^(\S+) (\S+) (.*)$/s.exec(payload) ?? [];
    // A change of before the last confirmed statement would have come before its answer.
    const handling = { since: this.listener.confirmedAt ?? performance.now() };
    this.handling.add(handling);
    try {
      if (number === undefined || topic === undefined || id === undefined) {
        throw new Error('An announcement could not be read');
      }
      if (number.startsWith(this.ownPrefix)) this.acknowledgements.expect(number);
      const change = { topic: topic as Change['topic'], id };
      await Promise.all(this.changeHandlers.map(async (handle) => handle(change)));
      this.outbox.push(number);
      this.listener.wake();
    } catch (error) {
      this.emit({ kind: 'handler-failed', error });
      this.listener.fail(new DatabaseError('failed', 'A change could not be handled'));
    } finally {
      this.handling.delete(handling);
    }
  }

  private get ownPrefix(): string {
    return `${this.options.database.workerId}.`;
  }

  private nextAcknowledgement(): Statement | undefined {
    if (this.outbox.length === 0) return undefined;
    const numbers = this.outbox.slice(0, maxNumbers);
    this.outbox = this.outbox.slice(maxNumbers);
    return this.acknowledgement(numbers);
  }

  private acknowledgement(numbers: readonly string[]): Statement {
    const payload = [this.options.database.workerId, ...numbers].join(' ');
    return { name: 'acknowledge', text: 'select pg_notify($1, $2)', values: [ackChannel, payload] };
  }

  private async reset(): Promise<Statement> {
    this.epoch += 1;
    await Promise.all(this.resetHandlers.map(async (handle) => handle()));
    return this.acknowledgement([everything]);
  }

  private recover(): void {
    this.lost = false;
    this.emit({ kind: 'listening' });
    for (const resolve of this.waitingForTrust) resolve();
    this.waitingForTrust.clear();
  }

  private lose(error: DatabaseError): void {
    // Once a loss: the attempts that follow it are no news.
    if (!this.lost) this.emit({ kind: 'lost', error });
    this.lost = true;
  }

  private emit(event: FeedEvent): void {
    this.options.onEvent?.(event);
  }
}

/** The value; undefined when there is none in time. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } catch {
    // Nobody can say who is alive; the caller asks again until its time is over, and reports that.
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
