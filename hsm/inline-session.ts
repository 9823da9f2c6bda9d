import { closeSession, type Handle, type Library, openSession } from './module';
import { TokenFault } from './return-values';

/**
 * The session of calls made in the main thread. They are synchronous, so one is enough; it is not the owner session,
 * because a failed C_Encrypt leaves its operation active and the session must go, and clones would go with theirs.
 */
export class InlineSession {
  #session: Handle | undefined;

  constructor(
    readonly library: Library,
    private readonly slot: Handle,
    session: Handle,
  ) {
    this.#session = session;
  }

  get isOpen(): boolean {
    return this.#session !== undefined;
  }

  /** Lends the session to one synchronous use; a failure that leaves it in doubt discards it. */
  withSession<T>(work: (session: Handle) => T): T {
    this.#session ??= openSession(this.library, this.slot);
    try {
      return work(this.#session);
    } catch (error) {
      if (!(error instanceof TokenFault) || error.meaning.then !== 'keep') this.#discard();
      throw error;
    }
  }

  #discard(): void {
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) closeSession(this.library, session);
  }
}
