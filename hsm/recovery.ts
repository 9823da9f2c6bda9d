import { HsmError } from './errors';
import type { Lanes } from './lanes';
import type { TokenEvent, TokenStatus } from './types';

export interface RecoveryOptions {
  readonly lanes: Pick<Lanes, 'pause' | 'resume' | 'blocked'>;
  /** Called at once when the token is found lost: nothing of the old life may be used from here on. */
  readonly onLost: () => void;
  /** One attempt at C_Finalize, C_Initialize, login. */
  readonly reconnect: () => Promise<void>;
  readonly onEvent: (event: TokenEvent) => void;
  readonly onFailed: (reason: string) => void;
  /** Milliseconds that running calls get to finish before C_Finalize. */
  readonly graceMs: number;
}

/** Between attempts, with jitter so that several processes do not knock together. */
const retryMs = { least: 250, most: 500 };

/** C_Finalize under a call that hangs in another thread is undefined behaviour; after this the process must go. */
const hangingMs = 30_000;

/** ready → recovering → ready, without a restart; `failed` where only a new process helps. */
export class Recovery {
  #state: TokenStatus['state'] = 'ready';
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #hangingSince: number | undefined;
  #lastMessage = '';
  recoveries = 0;
  /** The token refused the PIN when it was last tried. */
  pinRefused = false;

  constructor(private readonly options: RecoveryOptions) {}

  get state(): TokenStatus['state'] {
    return this.#state;
  }

  /** The token was lost. Further reports while it recovers change nothing. */
  begin(reason: string): void {
    if (this.#state !== 'ready') return;
    this.#state = 'recovering';
    this.options.onLost();
    this.options.onEvent({ level: 'error', message: `token lost: ${reason}` });
    void this.#attempt();
  }

  /** One attempt now, by someone who knows that it makes sense. Rejects when it fails. */
  async now(): Promise<void> {
    this.begin('asked to recover');
    await this.#running;
    if (this.#state === 'recovering') {
      clearTimeout(this.#timer);
      await this.#attempt();
    }
    this.#requireReady();
  }

  /** The attempt that is being made, if any, is over, whatever came of it. */
  async tried(): Promise<void> {
    await this.#running;
  }

  fail(reason: string): void {
    if (this.#state === 'failed' || this.#state === 'closed') return;
    this.#state = 'failed';
    clearTimeout(this.#timer);
    this.options.onLost();
    this.options.onEvent({ level: 'error', message: `token failed: ${reason}` });
    this.options.onFailed(reason);
  }

  /** No attempt runs any more once this resolves. */
  async close(): Promise<void> {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    await this.#running;
  }

  #requireReady(): void {
    if (this.#state === 'ready') return;
    throw new HsmError('token-unavailable', this.#lastMessage || `the token is ${this.#state}`);
  }

  #attempt(): Promise<void> {
    this.#running ??= this.#tryOnce().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #tryOnce(): Promise<void> {
    try {
      await this.options.lanes.pause('the token is being re-initialised', this.options.graceMs);
      this.#requireNoHangingCall();
      await this.options.reconnect();
      if (this.#state !== 'recovering') return;
      this.#state = 'ready';
      this.recoveries += 1;
      this.pinRefused = false;
      this.#lastMessage = '';
      this.options.lanes.resume();
      this.options.onEvent({ level: 'info', message: 'token recovered' });
    } catch (error) {
      this.#plan(error);
    }
  }

  #requireNoHangingCall(): void {
    if (this.options.lanes.blocked === 0) {
      this.#hangingSince = undefined;
      return;
    }
    this.#hangingSince ??= Date.now();
    if (Date.now() - this.#hangingSince > hangingMs) {
      this.fail('a call hangs inside the PKCS#11 module');
    }
    throw new HsmError('token-unavailable', 'a call still hangs inside the PKCS#11 module');
  }

  /** A refused PIN is never tried again by itself: real tokens lock after a few. */
  #plan(error: unknown): void {
    if (this.#state !== 'recovering') return;
    const message = error instanceof Error ? error.message : String(error);
    const refused = error instanceof HsmError && error.code === 'pin-incorrect';
    this.pinRefused = refused;
    if (message !== this.#lastMessage) {
      const advice = refused ? '; not tried again until told to or restarted' : '';
      this.options.onEvent({
        level: refused ? 'error' : 'warn',
        message: `recovery failed: ${message}${advice}`,
      });
    }
    this.#lastMessage = message;
    if (refused) return;
    const delay = retryMs.least + Math.random() * (retryMs.most - retryMs.least);
    this.#timer = setTimeout(() => void this.#attempt(), delay);
  }
}
