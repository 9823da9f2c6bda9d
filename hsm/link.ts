import { type Connection, Connector } from './connection';
import { HsmError } from './errors';
import type { TaskArgs, TaskName, TaskResult } from './lane-tasks';
import { Lanes } from './lanes';
import { finalise, type Library, loadLibrary } from './module';
import { Recovery } from './recovery';
import { TokenFault } from './return-values';
import type { TokenEvent, TokenOptions, TokenStatus } from './types';

const watchMs = 1000;

/**
 * How many lanes there may be, and whether one more for what is slow. The owner's session and the main thread's stand beside
 * theirs.
 */
function laneCounts(options: TokenOptions): { readonly count: number; readonly slow: boolean } {
  const free = (options.maxSessions ?? Infinity) - (options.local ? 2 : 1);
  if (free < 1) throw new HsmError('failed', 'maxSessions must be at least 3');
  const slow = free > 1;
  return { count: Math.max(1, Math.min(options.lanes, free - (slow ? 1 : 0))), slow };
}

/**
 * Of the thread that generates RSA keys. Of a core that it shares with a busy thread of requests it gets a quarter, where
 * 10 would leave it a tenth: on a machine that never has a moment for it, RSA-4096 would not be done before the deadline.
 */
const slowNiceness = 5;

export interface RunOptions {
  readonly deadlineMs?: number;
  readonly urgent?: boolean;
  /** Takes seconds of a processor: on a lane of its own, whose thread lets all others go first. */
  readonly slow?: boolean;
}

/** The living link to the token: who holds it knows whether the token can serve, and every loss is noticed here. */
export class Link {
  readonly library: Library;
  readonly lanes: Lanes;
  readonly recovery: Recovery;
  readonly #counts: { readonly count: number; readonly slow: boolean };
  /** Started when it is needed. */
  #slow: Lanes | undefined;
  readonly #connector: Connector;
  readonly #options: TokenOptions;
  #live: Connection | undefined;
  #last: Connection | undefined;
  #checking: Promise<void> | undefined;
  #watch: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  /** `onLost`: forget every handle, at once. */
  constructor(options: TokenOptions, onLost: () => void) {
    const onEvent = (event: TokenEvent): void => options.onEvent?.(event);
    this.#options = options;
    this.library = loadLibrary(options.module);
    this.#counts = laneCounts(options);
    this.lanes = this.#makeLanes(this.#counts.count, 0);
    this.#connector = new Connector({ options, library: this.library, lanes: this.lanes, onEvent });
    this.recovery = new Recovery({
      lanes: this,
      onLost: () => {
        this.#live = undefined;
        onLost();
      },
      reconnect: () => this.connect(true),
      onEvent,
      onFailed: (reason) => options.onFailed?.(reason),
      graceMs: Math.min(options.deadlineMs, 1000),
    });
  }

  #makeLanes(count: number, niceness: number): Lanes {
    const { module, deadlineMs, onEvent } = this.#options;
    return new Lanes({
      ...{ module, count, niceness, deadlineMs },
      onEvent: (event) => onEvent?.(event),
      onExhausted: (reason) => this.recovery.fail(reason),
    });
  }

  /** The lane for what is slow; where the token has no session for it, those of all. */
  #slowLanes(): Lanes {
    if (!this.#counts.slow) return this.lanes;
    this.#slow ??= this.#makeLanes(1, slowNiceness);
    return this.#slow;
  }

  get #allLanes(): readonly Lanes[] {
    return this.#slow === undefined ? [this.lanes] : [this.lanes, this.#slow];
  }

  /** Calls waiting for a lane. */
  get queued(): number {
    return sum(this.#allLanes.map(({ queued }) => queued));
  }

  /** Lanes given up whose call has not come back. */
  get blocked(): number {
    return sum(this.#allLanes.map(({ blocked }) => blocked));
  }

  get sessions(): number {
    return sum(this.#allLanes.map(({ sessions }) => sessions));
  }

  async pause(reason: string, graceMs: number): Promise<void> {
    await Promise.all(this.#allLanes.map((lanes) => lanes.pause(reason, graceMs)));
  }

  resume(): void {
    for (const lanes of this.#allLanes) lanes.resume();
  }

  get state(): TokenStatus['state'] {
    return this.recovery.state;
  }

  /** The connection that serves now; throws `token-unavailable` where there is none. */
  get live(): Connection {
    if (this.#live !== undefined) return this.#live;
    throw new HsmError('token-unavailable', `the token is ${this.state}`);
  }

  /** What was last known of the token, serving or not. */
  get last(): Connection {
    return this.#last ?? this.live;
  }

  async connect(reinitialise: boolean): Promise<void> {
    const connection = await this.#connector.connect(reinitialise);
    this.#last = connection;
    // Closed or given up meanwhile: nobody may use it.
    if (this.state === 'ready' || this.state === 'recovering') this.#live = connection;
  }

  /** A vanished SoftHSM token goes on serving clones; somebody has to look. */
  startWatch(): void {
    this.#watch = setInterval(() => {
      // A loss has begun the recovery and told the operator; a check that got no lane in time is not a loss.
      if (this.state === 'ready') this.check().catch(() => undefined);
    }, watchMs).unref();
  }

  /** Runs a task on a lane for the present connection. */
  async run<N extends TaskName>(
    task: N,
    args: TaskArgs<N>,
    options: RunOptions = {},
  ): Promise<TaskResult<N>> {
    const { ref } = this.live;
    const { slow = false, ...call } = options;
    const lanes = slow ? this.#slowLanes() : this.lanes;
    try {
      return await lanes.run(task, args, { ...call, token: ref });
    } catch (error) {
      if (isLoss(error) && this.#live?.ref === ref) this.recovery.begin(error.message);
      throw error;
    }
  }

  /** Asks the token whether it serves; callers share one question. */
  check(): Promise<void> {
    this.#checking ??= this.run('check', undefined, { urgent: true }).finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  /** What a failure in the main thread really was. Lanes have done the same before they answer. */
  async explain(thrown: unknown): Promise<unknown> {
    if (!(thrown instanceof TokenFault)) return thrown;
    if (thrown.meaning.then === 'reinitialise') this.recovery.begin(thrown.message);
    if (thrown.meaning.suspect !== true) return thrown;
    try {
      await this.check();
      return thrown;
    } catch (error) {
      return error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#watch);
    this.#live = undefined;
    await this.recovery.close();
    await this.pause('the token is closed', Math.min(this.#options.deadlineMs, 1000));
    try {
      await this.#finalise();
    } finally {
      await Promise.all(this.#allLanes.map((lanes) => lanes.close()));
    }
  }

  /** C_Finalize under a call that hangs in another thread is undefined behaviour: it is left to the process's end. */
  async #finalise(): Promise<void> {
    if (this.blocked > 0) return;
    if (this.lanes.isDead) finalise(this.library);
    else await this.lanes.run('disconnect', undefined, { token: undefined, urgent: true });
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function isLoss(error: unknown): error is TokenFault {
  return error instanceof TokenFault && error.meaning.then === 'reinitialise';
}
