import { HsmError } from '../errors';
import type { TokenCounters, TokenEvent, TokenOptions, TokenStatus } from '../types';
import { type CallOptions, Life, OpeningRefused } from './life';
import type { HostedMethod, HostedOptions, Opened, Snapshot, ToHost } from './messages';

/** Before a process is started again: doubled from the least to the most while they do not last, with jitter. */
const delayMs = { least: 250, most: 5000 };

/** A process that lived as long was no failure. */
const lastingMs = 10_000;

/** Longer than the token itself waits for running calls. */
const closeGraceMs = { least: 1000, most: 5000 };

const nothing = { sessions: 0, cachedKeys: 0, recoveries: 0, blockedLanes: 0 };

export interface LivesOptions {
  readonly token: TokenOptions;
  readonly environment: Readonly<Record<string, string>>;
  /** A process has just opened the token. */
  readonly onOpened: () => Promise<void>;
}

/**
 * The processes that serve one token, one after the other. While one lives, the token that it opened recovers by itself;
 * when it dies, another is started. A PIN that was refused is not tried by another process either.
 */
export class Lives {
  readonly #parts: LivesOptions;
  #options: HostedOptions;
  #life: Life | undefined;
  #last: Opened | undefined;
  /** Why no life serves. */
  #down: string | undefined;
  #pinRefused = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #starting: Promise<void> | undefined;
  #openedAtMs = 0;
  #failures = 0;
  /** Of lives that are over, and their successions. */
  #recoveries = 0;

  constructor(parts: LivesOptions) {
    this.#parts = parts;
    this.#options = hostedOptions(parts.token);
  }

  /** The first life; nothing stays of it when it does not open the token. */
  async open(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      this.#closed = true;
      throw error;
    }
  }

  get last(): Opened {
    if (this.#last === undefined) throw unavailable('the token was never opened');
    return this.#last;
  }

  get state(): TokenStatus['state'] {
    if (this.#closed) return 'closed';
    if (this.#down !== undefined) return 'recovering';
    const { state } = this.last.status;
    return state === 'ready' ? 'ready' : 'recovering';
  }

  get counters(): TokenCounters {
    const { counters } = this.last;
    const recoveries = this.#recoveries + counters.recoveries;
    return { ...counters, recoveries, queued: this.#life?.pending ?? 0 };
  }

  /** Calls that are not answered. */
  get pending(): number {
    return this.#life?.pending ?? 0;
  }

  call(method: HostedMethod, args: readonly unknown[], options: CallOptions): Promise<unknown> {
    return this.#serving().call(method, args, options);
  }

  tell(message: Extract<ToHost, { is: 'evict' | 'evictAll' }>): void {
    this.#life?.tell(message);
  }

  /** One attempt now, whatever the last one came to. */
  async recover(deadlineMs: number): Promise<void> {
    if (this.#closed) throw unavailable('the token is closed');
    this.#pinRefused = false;
    if (this.#down === undefined) {
      await this.#serving().call('recover', [], { deadlineMs });
      return;
    }
    clearTimeout(this.#timer);
    await this.#again();
    if (this.state !== 'ready') throw unavailable(this.#down);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const { least, most } = closeGraceMs;
    await this.#life?.close(Math.min(most, least + this.#options.deadlineMs));
  }

  /** Throws where the token does not serve, as far as is known here. */
  requireReady(): void {
    if (this.state !== 'ready') throw unavailable(`the token is ${this.state}`);
  }

  #serving(): Life {
    if (this.#closed) throw unavailable('the token is closed');
    if (this.#life === undefined || this.#down !== undefined) {
      throw unavailable('the token is recovering');
    }
    return this.#life;
  }

  async #start(): Promise<void> {
    const { token, environment, onOpened } = this.#parts;
    const life: Life = new Life({
      ...{ options: this.#options, environment, readPin: token.readPin },
      onState: (snapshot) => this.#note(snapshot),
      onEvent: (event) => this.#tell(event),
      onEnd: (reason) => this.#ended(life, reason),
    });
    this.#life = life;
    const { pid } = life;
    if (pid !== undefined) {
      this.#tell({ level: 'info', message: "the token's process was started", fields: { pid } });
    }
    try {
      const opened = await life.opened;
      this.#requireSame(opened);
      this.#last = opened;
      this.#openedAtMs = performance.now();
      // A token that comes back as another one is not served.
      this.#options = { ...this.#options, serial: this.#last.status.serial };
      this.#down = undefined;
      await onOpened();
    } catch (error) {
      if (this.#life === life) this.#life = undefined;
      if (error instanceof OpeningRefused) this.#pinRefused = error.pinRefused;
      life.kill('did not open the token');
      throw error;
    }
  }

  /** Its process is asked to see to that, and may be out of its mind. */
  #requireSame({ status: { serial } }: Opened): void {
    if (serial === (this.#options.serial ?? serial)) return;
    throw unavailable(`the token's process serves the token ${serial}`);
  }

  /** What the token is was said when it was opened: that its objects are another's it cannot say later. */
  #note({ status, counters, pinRefused }: Snapshot): void {
    this.#pinRefused = pinRefused;
    if (this.#last === undefined) return;
    const { state } = status;
    this.#last = { ...this.#last, status: { ...this.#last.status, state }, counters, pinRefused };
  }

  #tell(event: TokenEvent): void {
    this.#parts.token.onEvent?.(event);
  }

  #ended(life: Life, reason: string): void {
    if (this.#closed || this.#life !== life) return;
    // Before the first was open, whoever opens hears of it.
    const served = this.#last !== undefined && this.#down === undefined;
    this.#life = undefined;
    if (!served) return;
    this.#down = reason;
    this.#forgetCounters();
    this.#tell({ level: 'error', message: `token lost: ${reason}` });
    if (performance.now() - this.#openedAtMs > lastingMs) this.#failures = 0;
    this.#plan();
  }

  /** Of what a life had, nothing is there any more. */
  #forgetCounters(): void {
    const { counters } = this.last;
    this.#recoveries += counters.recoveries;
    this.#last = { ...this.last, counters: { ...counters, ...nothing } };
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    if (this.#pinRefused) {
      const message = 'the PIN was refused; not tried again until told to or restarted';
      this.#tell({ level: 'error', message });
      return;
    }
    const wait = Math.min(delayMs.most, delayMs.least * 2 ** this.#failures);
    this.#failures += 1;
    this.#timer = setTimeout(() => void this.#again(), wait * (0.5 + Math.random() / 2));
    this.#timer.unref();
  }

  #again(): Promise<void> {
    this.#starting ??= this.#tryAgain().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #tryAgain(): Promise<void> {
    try {
      await this.#start();
      this.#recoveries += 1;
      this.#tell({ level: 'info', message: 'token recovered' });
    } catch (error) {
      if (this.#closed) return;
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#down) {
        this.#tell({ level: 'warn', message: `recovery failed: ${message}` });
      }
      this.#down = message;
      this.#plan();
    }
  }
}

function hostedOptions({
  readPin: _readPin,
  onEvent: _onEvent,
  onOperation: _onOperation,
  onFailed: _onFailed,
  ...options
}: TokenOptions): HostedOptions {
  return options;
}

function unavailable(message: string): HsmError {
  return new HsmError('token-unavailable', message);
}
