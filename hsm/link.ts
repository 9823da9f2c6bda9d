import { type Connection, Connector } from './connection';
import { HsmError } from './errors';
import type { TaskArgs, TaskName, TaskResult } from './lane-tasks';
import { Lanes } from './lanes';
import { finalise, type Library, loadLibrary } from './module';
import { Recovery } from './recovery';
import { TokenFault } from './return-values';
import type { TokenEvent, TokenOptions, TokenStatus } from './types';

const watchMs = 1000;

/** The owner's session and the main thread's stand beside those of the lanes. */
function laneCount(options: TokenOptions): number {
  const free = (options.maxSessions ?? Infinity) - (options.local ? 2 : 1);
  if (free < 1) throw new HsmError('failed', 'maxSessions must be at least 3');
  return Math.max(1, Math.min(options.lanes, free));
}

export interface RunOptions {
  readonly deadlineMs?: number;
  readonly urgent?: boolean;
}

/** The living link to the token: who holds it knows whether the token can serve, and every loss is noticed here. */
export class Link {
  readonly library: Library;
  readonly lanes: Lanes;
  readonly recovery: Recovery;
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
    this.lanes = new Lanes({
      module: options.module,
      count: laneCount(options),
      deadlineMs: options.deadlineMs,
      onEvent,
      onExhausted: (reason) => this.recovery.fail(reason),
    });
    this.#connector = new Connector({ options, library: this.library, lanes: this.lanes, onEvent });
    this.recovery = new Recovery({
      lanes: this.lanes,
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
    try {
      return await this.lanes.run(task, args, { ...options, token: ref });
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
    await this.lanes.pause('the token is closed', Math.min(this.#options.deadlineMs, 1000));
    try {
      await this.#finalise();
    } finally {
      await this.lanes.close();
    }
  }

  /** C_Finalize under a call that hangs in another thread is undefined behaviour: it is left to the process's end. */
  async #finalise(): Promise<void> {
    if (this.lanes.blocked > 0) return;
    if (this.lanes.isDead) finalise(this.library);
    else await this.lanes.run('disconnect', undefined, { token: undefined, urgent: true });
  }
}

function isLoss(error: unknown): error is TokenFault {
  return error instanceof TokenFault && error.meaning.then === 'reinitialise';
}
