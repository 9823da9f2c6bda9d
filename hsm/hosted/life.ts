import type { ChildProcess } from 'node:child_process';
import { HsmError } from '../errors';
import type { Exclusively } from '../material-types';
import type { Awaitable, TokenEvent } from '../types';
import { Channel } from './channel';
import { errorOf } from './failure';
import {
  type Failure,
  type FromHost,
  handle,
  type Handlers,
  type HostedMethod,
  type HostedOptions,
  type Opened,
  requireSnapshot,
  type Snapshot,
  type ToHost,
} from './messages';
import { PendingCall } from './pending-call';
import { startProcess } from './start-process';

export interface LifeOptions {
  readonly options: HostedOptions;
  /** All that the process has in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly readPin: () => Awaitable<string>;
  readonly onState: (snapshot: Snapshot) => void;
  readonly onEvent: (event: TokenEvent) => void;
  /** Once: the process is gone, or gives up. */
  readonly onEnd: (reason: string) => void;
}

export interface CallOptions {
  readonly deadlineMs: number;
  readonly exclusively?: Exclusively | undefined;
}

/** How the first and only opening of a life failed. */
export class OpeningRefused extends HsmError {
  constructor(
    { code, message }: Failure,
    readonly pinRefused: boolean,
  ) {
    super(code, message);
  }
}

/** One process that serves the token, from its start to its end. */
export class Life {
  readonly opened: Promise<Opened>;
  readonly #parts: LifeOptions;
  readonly #process: ChildProcess;
  readonly #channel: Channel<ToHost, FromHost>;
  readonly #calls = new Map<number, PendingCall>();
  readonly #exited: Promise<void>;
  #resolveOpened: (opened: Opened) => void = () => undefined;
  #rejectOpened: (error: HsmError) => void = () => undefined;
  #seq = 0;
  #ended: string | undefined;
  #closing = false;
  /** Ticks of the watch without a word. */
  #silence = 0;
  readonly #watch: NodeJS.Timeout;

  readonly #handlers: Handlers<FromHost> = {
    answer: ({ seq, value }) => this.#answer(seq, value),
    failure: ({ seq, failure }) => this.#calls.get(seq)?.reject(errorOf(failure)),
    state: ({ snapshot }) => {
      requireSnapshot(snapshot);
      this.#parts.onState(snapshot);
    },
    event: ({ event }) => this.#parts.onEvent(event),
    'pin-wanted': () => this.#givePin(),
    'turn-wanted': ({ seq }) => this.#calls.get(seq)?.takeTurn(),
    'turn-done': ({ seq, failure }) => this.#calls.get(seq)?.endTurn(failure),
    opened: ({ opened }) => {
      requireSnapshot(opened);
      this.#resolveOpened(opened);
    },
    refused: ({ failure, pinRefused }) =>
      this.#rejectOpened(new OpeningRefused(errorOf(failure), pinRefused)),
    alive: () => undefined,
    failed: ({ reason }) => this.kill(`gives up: ${reason}`),
  };

  constructor(parts: LifeOptions) {
    this.#parts = parts;
    this.opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve;
      this.#rejectOpened = reject;
    });
    const { child, pipe } = startProcess(parts.environment);
    this.#process = child;
    this.#channel = new Channel(pipe, {
      onMessage: (message) => this.#receive(message),
      // Its end, which follows, tells more: by which signal. Unless it lingers.
      onEnd: () => void setTimeout(() => this.kill('closed its pipe'), lingerMs).unref(),
    });
    this.#exited = this.#watchExit();
    this.#watch = this.#watchSilence();
    this.#channel.send({ is: 'open', options: parts.options });
    const timer = setTimeout(() => this.kill('did not open the token in time'), openDeadlineMs);
    void this.opened.catch(() => undefined).finally(() => clearTimeout(timer));
  }

  #watchExit(): Promise<void> {
    return new Promise((resolve) => {
      this.#process.once('error', (error) => {
        this.#end(`cannot be started: ${error.message}`);
        resolve();
      });
      this.#process.once('exit', (code, signal) => {
        this.#end(signal === null ? `ended with status ${String(code)}` : `ended by ${signal}`);
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Calls that are not answered. */
  get pending(): number {
    return this.#calls.size;
  }

  tell(message: Extract<ToHost, { is: 'evict' | 'evictAll' }>): void {
    if (this.#ended === undefined) this.#channel.send(message);
  }

  call(method: HostedMethod, args: readonly unknown[], options: CallOptions): Promise<unknown> {
    if (this.#ended !== undefined) throw unavailable(this.#ended);
    const seq = (this.#seq += 1);
    return new Promise((resolve, reject) => {
      const call = new PendingCall({
        ...{ method, resolve, reject, ...options },
        onSettled: () => this.#calls.delete(seq),
        onTurn: (message) => this.#channel.send({ ...message, seq }),
      });
      this.#calls.set(seq, call);
      this.#channel.send({ is: 'call', seq, method, args });
    });
  }

  /** Orderly, and by force where it is not gone after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    if (this.#ended === undefined) this.#channel.send({ is: 'close' });
    const timer = setTimeout(() => this.kill('did not close in time'), graceMs);
    this.#process.ref();
    await this.#exited;
    clearTimeout(timer);
  }

  kill(reason: string): void {
    this.#end(reason);
    this.#process.kill('SIGKILL');
  }

  #receive(message: FromHost): void {
    this.#silence = 0;
    handle(this.#handlers, message);
  }

  /** Nobody wipes what nobody waits for. */
  #answer(seq: number, value: unknown): void {
    const call = this.#calls.get(seq);
    if (call !== undefined) call.resolve(value);
    else if (value instanceof Uint8Array) value.fill(0);
  }

  async #givePin(): Promise<void> {
    try {
      const pin = Buffer.from(await this.#parts.readPin());
      this.#channel.send({ is: 'pin', pin }, pin);
    } catch {
      // Why may name a file; the token says that there is none.
      this.#channel.send({ is: 'no-pin' });
    }
  }

  /** Counted, not measured: a machine that was suspended has heard nothing for hours, and need not wait to hear something. */
  #watchSilence(): NodeJS.Timeout {
    const { deadlineMs } = this.#parts.options;
    const tickMs = Math.min(tickMsRange.most, Math.max(tickMsRange.least, deadlineMs / 4));
    return setInterval(() => {
      this.#silence += 1;
      if (this.#silence > silentTicks) this.kill('does not answer');
    }, tickMs).unref();
  }

  #end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = this.#closing ? 'the token is closed' : `the token's process ${reason}`;
    clearInterval(this.#watch);
    this.#channel.destroy();
    const error = unavailable(this.#ended);
    this.#rejectOpened(error);
    this.#parts.onEnd(this.#ended);
    for (const call of [...this.#calls.values()]) call.reject(error);
  }
}

const lingerMs = 1000;

/** Longer than the token itself waits for its login. */
const openDeadlineMs = 60_000;

/** Of the watch: in so many a living process has beaten more than once. */
const silentTicks = 8;
const tickMsRange = { least: 750, most: 5000 };

function unavailable(message: string): HsmError {
  return new HsmError('token-unavailable', message);
}
