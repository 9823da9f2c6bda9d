import { HsmError } from './errors';
import { toBuffer } from './formats';
import type { ImportWays } from './import/ways';
import { assertHealthy, closeSession, type Handle, type Library, openSession } from './module';
import type { Desk } from './objects';
import { TokenFault } from './return-values';

/** The connected token as the main thread knows it. A new epoch means new sessions and new object handles. */
export interface TokenRef {
  readonly epoch: number;
  readonly slot: Uint8Array;
  readonly serial: string;
  readonly owner: Uint8Array;
}

/** What one lane thread works with: the library, the token of the current request, and one session of its own. */
export class LaneDesk {
  #token: TokenRef | undefined;
  #session: Handle | undefined;
  #epoch = -1;
  /** What imports of this connection found out about the token. */
  importWays: ImportWays | undefined;

  /** Memory that goes to the main thread with the answer. */
  #leaving: ArrayBuffer[] = [];

  constructor(readonly library: Library) {}

  get isConnected(): boolean {
    return this.#token !== undefined;
  }

  get hasSession(): boolean {
    return this.#session !== undefined;
  }

  /** A session of an earlier epoch died with its C_Initialize; closing its number might close somebody's new session. */
  serve(token: TokenRef | undefined): void {
    this.#token = token;
    if (token === undefined || token.epoch === this.#epoch) return;
    this.#session = undefined;
    this.importWays = undefined;
    this.#epoch = token.epoch;
  }

  owner(): Handle {
    return toBuffer(this.token().owner);
  }

  slot(): Handle {
    return toBuffer(this.token().slot);
  }

  /**
   * A secret of the answer, moved into memory that goes to the main thread itself: a message of another kind is copied, and
   * nobody wipes the copies. Wipes what it is given.
   */
  handOver(secret: Buffer): Uint8Array {
    const moved = new Uint8Array(secret);
    secret.fill(0);
    this.#leaving.push(moved.buffer);
    return moved;
  }

  handedOver(): ArrayBuffer[] {
    const leaving = this.#leaving;
    this.#leaving = [];
    return leaving;
  }

  assertHealthy(): void {
    const token = this.token();
    assertHealthy(this.library, { slot: this.slot(), serial: token.serial, owner: this.owner() });
  }

  /** Lends this lane's session; a failure that leaves it in doubt discards it. */
  withSession<T>(work: (desk: Desk) => T): T {
    this.#session ??= openSession(this.library, this.slot());
    try {
      return work({ library: this.library, session: this.#session });
    } catch (error) {
      if (!(error instanceof TokenFault) || error.meaning.then !== 'keep') this.discard();
      throw error;
    }
  }

  discard(): void {
    if (this.#session !== undefined) closeSession(this.library, this.#session);
    this.#session = undefined;
  }

  private token(): TokenRef {
    if (this.#token === undefined)
      throw new HsmError('token-unavailable', 'the token is not connected');
    return this.#token;
  }
}
