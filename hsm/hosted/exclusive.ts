import { HsmError } from '../errors';
import type { FromHost } from './messages';
import { failureOf } from './failure';

/**
 * The token's side of an `exclusively` that the daemon was given: asks for the turn, works, says so, and goes on when the
 * daemon has ended it.
 */
export class Exclusive {
  readonly #seq: number;
  readonly #send: (message: FromHost) => void;
  #begun: () => void = () => undefined;
  #ended: (ok: boolean) => void = () => undefined;

  constructor(seq: number, send: (message: FromHost) => void) {
    this.#seq = seq;
    this.#send = send;
  }

  begin(): void {
    this.#begun();
  }

  end(ok: boolean): void {
    this.#ended(ok);
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const seq = this.#seq;
    const over = new Promise<boolean>((resolve) => {
      this.#ended = resolve;
    });
    const begun = new Promise<void>((resolve) => {
      this.#begun = resolve;
    });
    this.#send({ is: 'turn-wanted', seq });
    const isOver = await Promise.race([begun.then(() => false), over.then(() => true)]);
    if (isOver) throw givenUp();
    const result = await this.#work(work);
    this.#send({ is: 'turn-done', seq, failure: undefined });
    if (!(await over)) throw givenUp();
    return result;
  }

  async #work<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#send({ is: 'turn-done', seq: this.#seq, failure: failureOf(error) });
      throw error;
    }
  }
}

/** The daemon knows why, and tells its caller that. */
function givenUp(): HsmError {
  return new HsmError('failed', 'what was to be made exclusively was given up');
}
