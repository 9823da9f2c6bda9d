import { HsmError } from '../errors';
import type { Exclusively } from '../material-types';
import { errorOf } from './failure';
import type { Failure, HostedMethod } from './messages';

export interface PendingCallOptions {
  readonly method: HostedMethod;
  readonly deadlineMs: number;
  readonly exclusively?: Exclusively | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Nothing more is expected of the token's process. */
  readonly onSettled: () => void;
  /** What to tell the token's process about the turn. */
  readonly onTurn: (message: { is: 'turn' } | { is: 'turn-over'; ok: boolean }) => void;
}

/** A question to the token's process that is not answered yet. */
export class PendingCall {
  readonly #options: PendingCallOptions;
  /** Not unref'd: somebody waits for this answer, so the process must not end before it. */
  readonly #timer: NodeJS.Timeout;
  /** All of `exclusively`, with what it waits for before and does after. Never rejects. */
  #turn: Promise<void> | undefined;
  #settleTurn: ((failure: HsmError | undefined) => void) | undefined;
  /** Why `exclusively` itself failed: what the caller is told, in its own words. */
  #refusal: { readonly reason: unknown } | undefined;
  #failure: HsmError | undefined;

  constructor(options: PendingCallOptions) {
    this.#options = options;
    const { method, deadlineMs } = options;
    this.#timer = setTimeout(() => {
      this.reject(new HsmError('deadline', `${method}: no answer within ${String(deadlineMs)} ms`));
    }, deadlineMs);
  }

  resolve(value: unknown): void {
    this.#settle();
    this.#options.resolve(value);
  }

  /** Whoever holds something for the turn has let go of it before the caller hears. */
  reject(error: HsmError): void {
    this.#settle();
    this.#failure = error;
    this.#settleTurn?.(error);
    if (this.#turn === undefined) this.#options.reject(error);
    else void this.#turn.then(() => this.#options.reject(this.#refusal?.reason ?? error));
  }

  takeTurn(): void {
    const { exclusively, onTurn } = this.#options;
    if (exclusively === undefined || this.#turn !== undefined) return;
    const work = (): Promise<void> => {
      if (this.#failure !== undefined) return Promise.reject(this.#failure);
      return new Promise((resolve, reject) => {
        this.#settleTurn = (failure) => (failure === undefined ? resolve() : reject(failure));
        onTurn({ is: 'turn' });
      });
    };
    const turn = (async () => exclusively(work))();
    this.#turn = turn.then(
      () => onTurn({ is: 'turn-over', ok: true }),
      (reason: unknown) => {
        this.#refusal = { reason };
        onTurn({ is: 'turn-over', ok: false });
      },
    );
  }

  endTurn(failure: Failure | undefined): void {
    this.#settleTurn?.(failure && errorOf(failure));
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#options.onSettled();
  }
}
