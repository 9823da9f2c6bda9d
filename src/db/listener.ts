import { Client, type Notification } from 'pg';
import { clientConfig } from './connection';
import { DatabaseError, normaliseError } from './errors';
import type { Statement } from './queryable';

export interface ListenerOptions {
  readonly url: string;
  /** Name in pg_stat_activity, of a connection that listens. */
  readonly applicationName: string;
  readonly channels: readonly string[];
  readonly connectTimeoutMs: number;
  /** Sent once the connection listens, and so often: its answer proves that the connection lives. */
  readonly heartbeat: Statement;
  readonly heartbeatMs: number;
  /** Longest wait for the answer of a statement. */
  readonly answerMs: number;
  /** Everything that is committed from now on will be delivered. Its statement is sent before onReady. */
  readonly onListening: () => Promise<Statement>;
  readonly onReady: () => void;
  readonly onNotification: (channel: string, payload: string) => void;
  readonly onLost: (error: DatabaseError) => void;
  /** The next statement to send between heartbeats. */
  readonly nextStatement: () => Statement | undefined;
}

const firstPauseMs = 50;
const longestPauseMs = 1000;

/**
 * One connection that listens, and comes back by itself. A half-open connection shows no error, so a statement is due
 * in every interval, and one without an answer is the end of the connection.
 */
export class Listener {
  private client: Client | undefined;
  private failure: DatabaseError | undefined;
  private closed = false;
  private ready = false;
  private confirmed = Number.NEGATIVE_INFINITY;
  private wakeUp: (() => void) | undefined;
  private abandon: (() => void) | undefined;
  private readonly finished: Promise<void>;

  constructor(private readonly options: ListenerOptions) {
    this.finished = this.run();
  }

  /**
   * performance.now() of a moment at which the connection surely was alive: the last answered heartbeat was sent then.
   * Undefined while it does not listen.
   */
  get confirmedAt(): number | undefined {
    return this.ready ? this.confirmed : undefined;
  }

  /** There is a statement to send. */
  wake(): void {
    this.wakeUp?.();
  }

  /** Drops the connection; the listener starts again. */
  fail(error: DatabaseError): void {
    this.ready = false;
    this.failure ??= error;
    this.wake();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.fail(new DatabaseError('unavailable', 'The listener was closed'));
    this.abandon?.();
    this.disconnect();
    await this.finished;
  }

  private async run(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!this.hasClosed()) {
      try {
        await this.connect();
        pauseMs = firstPauseMs;
        await this.converse();
      } catch (error) {
        if (!this.hasClosed()) this.options.onLost(normaliseError(error));
      } finally {
        this.disconnect();
      }
      if (!this.hasClosed()) await this.pause(pauseMs * (0.5 + Math.random() / 2));
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  private async connect(): Promise<void> {
    const { options } = this;
    const client = new Client({
      ...clientConfig({
        url: options.url,
        applicationName: 'claviger-listener',
        connectTimeoutMs: options.connectTimeoutMs,
        statementTimeoutMs: options.answerMs,
      }),
      query_timeout: options.answerMs,
    });
    this.client = client;
    this.failure = undefined;
    const lost = (error: unknown): void => {
      // The last words of an earlier connection say nothing about this one.
      if (this.client === client) this.fail(normaliseError(error));
    };
    client.on('error', lost);
    client.on('end', () => lost(new Error('the connection ended')));
    client.on('notification', ({ channel, payload }: Notification) =>
      options.onNotification(channel, payload ?? ''),
    );
    await this.unlessClosed(client.connect());
    for (const channel of options.channels) await client.query(`listen ${channel}`);
    await this.send({
      // A heartbeat that is lost in a crash of the server is followed by another one: it need not wait for its disk.
      text: `
        select set_config('application_name', $1::text, false), set_config('synchronous_commit', 'off', false)`,
      values: [options.applicationName],
    });
    // Whoever awaits acknowledgements of this worker finds it by this: it must not stand there before the listening does.
    await this.beat();
    await this.send(await options.onListening());
    this.requireAlive();
    this.ready = true;
    options.onReady();
  }

  /** A client of pg that is ended while it connects never says how that went. */
  private async unlessClosed(connecting: Promise<unknown>): Promise<void> {
    const closed = new Promise<never>((_resolve, reject) => {
      this.abandon = () => {
        reject(new DatabaseError('unavailable', 'The listener was closed'));
      };
    });
    await Promise.race([connecting, closed]);
    this.abandon = undefined;
  }

  private async converse(): Promise<never> {
    for (;;) {
      this.requireAlive();
      const dueMs = this.confirmed + this.options.heartbeatMs - performance.now();
      const statement = dueMs > 0 ? this.options.nextStatement() : undefined;
      if (statement !== undefined) await this.send(statement);
      else if (dueMs > 0) await this.pause(dueMs);
      else await this.beat();
    }
  }

  /** A method, because it changes while run() awaits. */
  private hasClosed(): boolean {
    return this.closed;
  }

  private requireAlive(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  private async beat(): Promise<void> {
    const sent = performance.now();
    await this.send(this.options.heartbeat);
    this.confirmed = sent;
  }

  private async send(statement: Statement): Promise<void> {
    await this.client?.query({ ...statement, values: [...(statement.values ?? [])] });
  }

  private disconnect(): void {
    const client = this.client;
    this.client = undefined;
    this.ready = false;
    // A half-open connection would never say that it ended, so nobody waits for it.
    client?.end().catch(() => undefined);
  }

  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), milliseconds);
      this.wakeUp = () => {
        clearTimeout(timer);
        this.wakeUp = undefined;
        resolve();
      };
    });
  }
}
