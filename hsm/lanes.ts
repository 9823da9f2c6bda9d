import { join } from 'node:path';
import { HsmError } from './errors';
import { Lane, type LaneCall } from './lane';
import type { TokenRef } from './lane-desk';
import type { TaskArgs, TaskName, TaskResult } from './lane-tasks';
import type { TokenEvent } from './types';

export interface LanesOptions {
  readonly module: string;
  /** Worker threads. */
  readonly count: number;
  /** Default deadline of a call, waiting included. */
  readonly deadlineMs: number;
  readonly onEvent: (event: TokenEvent) => void;
  /** Too many calls hang inside the library. */
  readonly onExhausted: (reason: string) => void;
  /** Of the threads: see LaneData. */
  readonly niceness?: number;
  /** Another worker script, for tests of what no real token can be made to do. */
  readonly workerFile?: string;
}

export interface CallOptions {
  readonly token: TokenRef | undefined;
  readonly deadlineMs?: number;
  /** Goes before what is waiting, and is taken even while paused. */
  readonly urgent?: boolean;
}

/** Calls waiting for each lane at the most: beyond, the caller would meet the deadline anyway. */
const queuePerLane = 256;

/** Timers and performance.now() differ by less. */
const clockSlackMs = 5;

/**
 * Worker threads that make the slow PKCS#11 calls. A call inside the library cannot be cancelled: when its deadline
 * passes, its caller is told, the lane is abandoned to it, and another lane takes its place. A bounded number of times:
 * each abandoned lane is a thread and a session that may never come back.
 */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #file: string;
  readonly #lanes = new Set<Lane>();
  readonly #abandoned = new Set<Lane>();
  readonly #queue: LaneCall[] = [];
  readonly #idleWaiters = new Set<() => void>();
  #count: number;
  #seq = 0;
  #paused: string | undefined;
  #closed = false;
  #dead: string | undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#file = options.workerFile ?? join(__dirname, 'lane-worker.js');
    this.#count = options.count;
    for (let started = 0; started < options.count; started += 1) this.#start();
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Lanes given up whose call has not come back. */
  get blocked(): number {
    return this.#abandoned.size;
  }

  /** No lane takes a call any more. */
  get isDead(): boolean {
    return this.#dead !== undefined;
  }

  get sessions(): number {
    return [...this.#lanes].filter((lane) => lane.hasSession).length;
  }

  /** Runs one task on a lane. Rejects with HsmError only: `deadline`, `token-unavailable`, or what the task threw. */
  async run<N extends TaskName>(
    task: N,
    args: TaskArgs<N>,
    options: CallOptions,
  ): Promise<TaskResult<N>> {
    const refusal = this.#refusal(options.urgent === true);
    if (refusal !== undefined) throw new HsmError('token-unavailable', refusal);
    const request = { seq: (this.#seq += 1), task, token: options.token, args };
    const answer = await new Promise<unknown>((resolve, reject) => {
      this.#enqueue({ request, resolve, reject }, options);
    });
    return answer as TaskResult<N>;
  }

  /** Refuses new calls and the waiting ones; resolves when none runs any more, or after `graceMs` gives up on those. */
  async pause(reason: string, graceMs: number): Promise<void> {
    this.#paused = reason;
    this.#refuseQueue(reason);
    await this.#idle(graceMs);
    for (const lane of this.#busy()) this.#abandon(lane, new HsmError('token-unavailable', reason));
  }

  resume(): void {
    this.#paused = undefined;
    this.#dispatch();
  }

  /** Ends the threads, after C_Finalize. One that hangs inside the library stays until its call returns. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#refuseQueue('the token is closed');
    const ending = [...this.#lanes].map((lane) => lane.end(closedError()));
    this.#lanes.clear();
    await Promise.all(ending);
  }

  #enqueue(waiting: Omit<LaneCall, 'timer'>, options: CallOptions): void {
    const deadlineMs = options.deadlineMs ?? this.#options.deadlineMs;
    const call: LaneCall = {
      ...waiting,
      // Not unref'd: somebody waits for this answer, so the process must not end before it.
      timer: setTimeout(() => this.#expire(call, deadlineMs), deadlineMs),
    };
    if (options.urgent === true) this.#queue.unshift(call);
    else this.#queue.push(call);
    this.#dispatch();
  }

  #refusal(urgent: boolean): string | undefined {
    if (this.#closed) return 'the token is closed';
    if (this.#dead !== undefined) return this.#dead;
    if (urgent) return undefined;
    if (this.#paused !== undefined) return this.#paused;
    const full = this.#queue.length >= this.#count * queuePerLane;
    return full ? 'too many calls are waiting for the token' : undefined;
  }

  #refuseQueue(reason: string): void {
    for (const call of this.#queue.splice(0))
      settle(call, new HsmError('token-unavailable', reason));
  }

  #busy(): Lane[] {
    return [...this.#lanes].filter((lane) => lane.current !== undefined);
  }

  #idle(graceMs: number): Promise<void> {
    if (this.#busy().length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#idleWaiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, graceMs);
      this.#idleWaiters.add(done);
    });
  }

  #start(): void {
    const { module: modulePath, niceness = 0 } = this.#options;
    const lane: Lane = new Lane(
      this.#file,
      { modulePath, niceness },
      {
        onFree: () => this.#dispatch(),
        onSessionRefused: (call) => this.#shrink(lane, call),
        onExit: (reason) => this.#exited(lane, reason),
      },
    );
    this.#lanes.add(lane);
  }

  #dispatch(): void {
    for (const lane of this.#lanes) {
      if (this.#queue.length === 0) break;
      if (lane.current !== undefined) continue;
      const call = this.#queue.shift();
      if (call !== undefined) lane.send(call);
    }
    if (this.#busy().length === 0) for (const done of [...this.#idleWaiters]) done();
  }

  /**
   * The caller's time is over. The lane's is only when the call itself has run that long: one that waited first is late
   * because the lanes are busy, and giving up busy lanes would turn an overload into a failure.
   */
  #expire(call: LaneCall, deadlineMs: number): void {
    const { task } = call.request;
    const error = new HsmError('deadline', `${task}: no answer within ${String(deadlineMs)} ms`);
    call.reject(error);
    const waiting = this.#queue.indexOf(call);
    if (waiting >= 0) this.#queue.splice(waiting, 1);
    const lane = this.#busy().find((candidate) => candidate.current === call);
    if (lane === undefined || call.startedMs === undefined) return;
    const left = call.startedMs + deadlineMs - performance.now();
    if (left > clockSlackMs) call.timer = setTimeout(() => this.#expire(call, deadlineMs), left);
    else this.#abandon(lane, error);
  }

  #abandon(lane: Lane, error: HsmError): void {
    this.#lanes.delete(lane);
    this.#abandoned.add(lane);
    lane.leave(error);
    const fields = { blocked: this.#abandoned.size };
    this.#options.onEvent({ level: 'error', message: `lane abandoned: ${error.message}`, fields });
    if (this.#abandoned.size > Math.max(2, this.#count)) {
      this.#exhaust(`${String(this.#abandoned.size)} calls hang inside the PKCS#11 module`);
    } else if (!this.#closed) {
      this.#start();
      this.#dispatch();
    }
  }

  #exhaust(reason: string): void {
    this.#dead = reason;
    this.#refuseQueue(reason);
    this.#options.onExhausted(reason);
  }

  /** The token has no session for this lane (CKR_SESSION_COUNT): do with fewer, as long as one is left. */
  #shrink(lane: Lane, call: LaneCall): boolean {
    if (this.#lanes.size <= 1) return false;
    this.#count -= 1;
    this.#lanes.delete(lane);
    lane.leave(closedError());
    this.#options.onEvent({
      level: 'warn',
      message: 'the token refuses another session: one lane fewer',
      fields: { lanes: this.#lanes.size },
    });
    this.#queue.unshift(call);
    this.#dispatch();
    return true;
  }

  /** A thread that ended by itself crashed; counting it as abandoned would be wrong, restarting it for ever too. */
  #exited(lane: Lane, reason: string | undefined): void {
    if (this.#abandoned.delete(lane)) {
      this.#options.onEvent({ level: 'info', message: 'a hanging call came back' });
    } else if (this.#lanes.delete(lane) && !this.#closed) {
      this.#options.onEvent({
        level: 'error',
        message: `lane ended: ${reason ?? 'no reason given'}`,
      });
      if (lane.answered) this.#start();
      else if (this.#lanes.size === 0) this.#exhaust('no lane can be started');
    }
    this.#dispatch();
  }
}

function settle(call: LaneCall, error: HsmError): void {
  clearTimeout(call.timer);
  call.reject(error);
}

function closedError(): HsmError {
  return new HsmError('token-unavailable', 'the token is closed');
}
