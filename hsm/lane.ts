import { Worker } from 'node:worker_threads';
import { HsmError } from './errors';
import type { LaneData, LaneError, LaneReply, LaneRequest } from './lane-messages';
import { TokenFault } from './return-values';

export interface LaneCall {
  readonly request: LaneRequest;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: HsmError) => void;
  /** Ends the wait of the caller, and later the patience with the lane. */
  timer: NodeJS.Timeout;
  /** performance.now() when a lane began it. */
  startedMs?: number;
}

export interface LaneHooks {
  readonly onFree: () => void;
  /** True: the call was taken over and will be made on another lane. */
  readonly onSessionRefused: (call: LaneCall) => boolean;
  /** `reason` where the thread ended by an error. */
  readonly onExit: (reason: string | undefined) => void;
}

/** One worker thread and the one call it is making. */
export class Lane {
  /** The call being made. */
  current: LaneCall | undefined;
  /** Whether the thread holds a session, as of its last answer. */
  hasSession = false;
  /** Whether it ever worked: one that never did is not started again. */
  answered = false;

  readonly #worker: Worker;
  readonly #hooks: LaneHooks;
  readonly #ended: Promise<void>;

  constructor(file: string, work: LaneData, hooks: LaneHooks) {
    this.#hooks = hooks;
    this.#worker = new Worker(file, { workerData: work });
    // The timer of a call keeps the process alive; an idle lane must not.
    this.#worker.unref();
    this.#worker.on('message', (reply: LaneReply) => this.#receive(reply));
    let reason: string | undefined;
    this.#worker.on('error', (error: Error) => {
      reason = error.message;
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#fail(new HsmError('failed', `lane ended: ${reason ?? 'no reason given'}`));
        hooks.onExit(reason);
        resolve();
      });
    });
  }

  send(call: LaneCall): void {
    this.current = call;
    call.startedMs = performance.now();
    this.#worker.postMessage(call.request);
  }

  /** Rejects the running call and ends the thread; its session is left to C_Finalize. */
  end(error: HsmError): Promise<void> {
    this.#fail(error);
    this.#worker.removeAllListeners('message');
    void this.#worker.terminate();
    return this.#ended;
  }

  /** Rejects the running call and lets the thread go when that returns: it closes its session on the way out. */
  leave(error: HsmError): void {
    this.#fail(error);
    this.#worker.removeAllListeners('message');
    this.#worker.postMessage(undefined);
  }

  #fail(error: HsmError): void {
    const call = this.current;
    this.current = undefined;
    if (call === undefined) return;
    clearTimeout(call.timer);
    call.reject(error);
  }

  #receive(reply: LaneReply): void {
    const call = this.current;
    this.hasSession = reply.session;
    this.answered = true;
    if (call === undefined || call.request.seq !== reply.seq) return;
    this.current = undefined;
    if (!reply.ok && isSessionRefusal(reply.error) && this.#hooks.onSessionRefused(call)) return;
    clearTimeout(call.timer);
    if (reply.ok) call.resolve(reply.value);
    else call.reject(revived(reply.error));
    this.#hooks.onFree();
  }
}

function isSessionRefusal(error: LaneError): boolean {
  return error.message === 'C_OpenSession: CKR_SESSION_COUNT';
}

/** Classes do not survive the way between threads. */
function revived(error: LaneError): HsmError {
  if (error.meaning === undefined) return new HsmError(error.code, error.message);
  return new TokenFault(error.meaning, error.message);
}
