import { Acknowledgements } from './acknowledgements';
import { DatabaseError } from './errors';
import { type LeaseEnds, Leases } from './leases';
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
  /** The leases of these ended before they acknowledged; undefined: the database could not say who has a lease. */
  | { readonly kind: 'unacknowledged'; readonly workers: readonly string[] | undefined };

export interface FeedOptions {
  readonly url: string;
  /** Its workerId is this worker's name; it also tells which workers have leases. */
  readonly database: Database;
  /** Longest time that others wait for this worker's acknowledgement. Heartbeat and lease follow from it: see leaseShare. */
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
   * Call after the commit. Resolves when every worker with a lease has acknowledged the changes or its lease has ended,
   * then with the event `unacknowledged`: by then a worker that cannot acknowledge has stopped trusting its caches.
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
 * A worker trusts its caches for this share of the wait after it sent the last renewal of its lease that was answered. It
 * is below 1, so that a worker which was cut off, or stopped with SIGSTOP, falls silent before others think it does.
 */
const leaseShare = 5 / 6;

/** Two renewals and the answer of the second fit into a lease. */
const heartbeatShare = 1 / 3;

/** A renewal that is not answered by then is the end of the connection: the lease ends with it. */
const answerShare = leaseShare - heartbeatShare;

/** Numbers in one acknowledgement; 50 bytes each, a notification may have 8000. */
const maxNumbers = 100;

/** A worker that is closed while we wait gives up its lease; this is how soon that is noticed. */
const nextLookMs = 200;

type Handler<T> = (subject: T) => void | Promise<void>;

class ListeningFeed implements ChangeFeed {
  epoch = 0;
  private readonly changeHandlers: Handler<Change>[] = [];
  private readonly resetHandlers: Handler<void>[] = [];
  private readonly acknowledgements = new Acknowledgements();
  private readonly leases: Leases;
  private readonly listener: Listener;
  private readonly waitingForTrust = new Set<() => void>();
  /** When, at the earliest, the changes were committed whose handlers still run; oldest first. */
  private readonly handling = new Set<{ readonly since: number }>();
  private outbox: string[] = [];
  private lost = false;

  constructor(private readonly options: FeedOptions) {
    const { database, waitMs } = options;
    const { workerId } = database;
    this.leases = new Leases({ database, workerId, milliseconds: waitMs });
    this.listener = new Listener({
      url: options.url,
      applicationName: `${listenerPrefix}${workerId}`,
      channels: [changeChannel, ackChannel],
      connectTimeoutMs: options.connectTimeoutMs,
      heartbeat: this.leases.renewal(),
      heartbeatMs: waitMs * heartbeatShare,
      answerMs: waitMs * answerShare,
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
    const workers = await this.unacknowledged(announcements);
    for (const { number } of announcements) this.acknowledgements.forget(number);
    if (workers?.length !== 0) this.emit({ kind: 'unacknowledged', workers });
  }

  async close(): Promise<void> {
    await this.listener.close();
    // So that nobody waits for it to end. Where the database is away it ends by itself.
    await within(this.options.waitMs, this.leases.end());
  }

  /** Waits. The workers whose leases ended first; undefined when the database did not say which workers have leases. */
  private async unacknowledged(
    announcements: readonly Announcement[],
  ): Promise<string[] | undefined> {
    const bound = performance.now() + this.options.waitMs;
    const late: string[] = [];
    let missing: LeaseEnds | undefined;
    let nextLook = Number.NEGATIVE_INFINITY;
    for (;;) {
      const firstEnd = Math.min(...(missing?.values() ?? [bound]));
      if (performance.now() >= nextLook) {
        const leases = await within(firstEnd - performance.now(), this.leases.current());
        // A worker that appears later than the first look listened later than the commit, and started empty.
        missing = stillThere(missing, leases);
        nextLook = performance.now() + nextLookMs;
      }
      if (missing !== undefined) late.push(...this.takeOut(missing, announcements));
      else if (performance.now() >= bound) return undefined;
      if (missing?.size === 0) return late;
      await this.acknowledgements.next(Math.min(firstEnd, nextLook) - performance.now());
    }
  }

  /** Takes out the workers that need not be waited for; those whose leases have ended it returns. */
  private takeOut(missing: LeaseEnds, announcements: readonly Announcement[]): string[] {
    const late: string[] = [];
    for (const [worker, end] of missing) {
      const acknowledged = this.hasAcknowledged(worker, announcements);
      const ended = performance.now() >= end;
      if (acknowledged || ended) missing.delete(worker);
      if (ended && !acknowledged) late.push(worker);
    }
    return late;
  }

  private hasAcknowledged(worker: string, announcements: readonly Announcement[]): boolean {
    return announcements.every(({ number }) => this.acknowledgements.has(number, worker));
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
    // A change of before the last renewal would have come before its answer.
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

/** The leases of the first look, but for those that were given up since. */
function stillThere(
  first: LeaseEnds | undefined,
  now: LeaseEnds | undefined,
): LeaseEnds | undefined {
  if (first === undefined || now === undefined) return first ?? now;
  return new Map([...first].filter(([worker]) => now.has(worker)));
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
    // Nobody can say who has a lease; the caller asks again until its time is over, and reports that.
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
