export interface AdmissionOptions {
  /** In which a request must be answered. */
  readonly deadlineMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  /** Runs a step when the event loop has looked at all requests that have come. */
  readonly afterTurn?: (step: () => void) => void;
}

/** A request that was let in. */
export interface Admitted {
  /** How many there were then, this one included. */
  readonly place: number;
  readonly since: number;
}

/** Of the deadline: a request that takes longer says that too many were let in. The rest is for what cannot be foreseen. */
const aim = 0.5;

/**
 * Of the deadline: how long one turn of the event loop may take in requests. One that has come waits for the turn before,
 * its own, and the one in which it is answered.
 */
const turn = 0.2;

/** Never fewer at a time: so few tell nothing about a queue, and somebody must find out when all is well again. */
const fewest = 8;
const first = 256;
/** More than this many connections have nothing to say at a time. */
const most = 10_000;

/** By how much there may be more for each request that is answered in time although as many were there as may be. */
const growth = 0.1;

/**
 * Whom a worker lets in. A request that could not be answered in time is refused as it comes, which costs nothing: so the
 * newest are refused, and those before them are answered in time.
 *
 * Two things make a request late. In a turn of the event loop more requests may have come than can be worked on: what comes
 * after a fifth of the deadline is refused. And they may queue up for the token, the database or the audit log. How many can
 * is learnt from those that are answered: one that was the n-th and took t has seen n requests done in t, and as many as
 * are done in half of the deadline may be there. That grows again, little by little, while it is full and all are in time.
 */
export class Admission {
  private readonly now: () => number;
  private readonly afterTurn: (step: () => void) => void;
  private readonly aimMs: number;
  private readonly turnMs: number;
  private limit = first;
  private present = 0;
  private loweredAt = -Infinity;
  /** When the first request of this turn of the event loop came. */
  private turnSince: number | undefined;

  constructor({ deadlineMs, now, afterTurn }: AdmissionOptions) {
    this.now = now ?? (() => performance.now());
    this.afterTurn = afterTurn ?? setImmediate;
    this.aimMs = deadlineMs * aim;
    this.turnMs = deadlineMs * turn;
  }

  /** Undefined: refuse it, and do nothing else for it. Whoever is let in must leave. */
  enter(): Admitted | undefined {
    const since = this.now();
    if (this.turnSince === undefined) {
      this.turnSince = since;
      this.afterTurn(this.endTurn);
    }
    if (this.present >= Math.floor(this.limit)) return undefined;
    if (since - this.turnSince > this.turnMs && this.present >= fewest) return undefined;
    this.present += 1;
    return { place: this.present, since };
  }

  /** Once, when it is answered, however. */
  leave({ place, since }: Admitted): void {
    this.present -= 1;
    const now = this.now();
    const took = now - since;
    if (took > this.aimMs) this.lower((place * this.aimMs) / took, now);
    else if (place * 2 > this.limit) this.limit = Math.min(this.limit + growth, most);
  }

  /** How many may be there at a time, and how many are. */
  counters(): { readonly limit: number; readonly present: number } {
    return { limit: Math.floor(this.limit), present: this.present };
  }

  /** A mere pause makes many late at once: for each time that a request may take, the limit is halved at the most. */
  private lower(wanted: number, now: number): void {
    if (wanted >= this.limit || now - this.loweredAt < this.aimMs) return;
    this.loweredAt = now;
    this.limit = Math.max(wanted, this.limit / 2, fewest);
  }

  private readonly endTurn = (): void => {
    this.turnSince = undefined;
  };
}
