interface Pending {
  readonly since: number;
  readonly onLate: () => void;
}

/**
 * Requests that must be answered within the same time, in the order in which they came: one timer serves them all, as one
 * each would cost as much as a hash.
 */
export class Deadlines {
  private readonly pending = new Set<Pending>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly milliseconds: number) {}

  /** `onLate` runs once the time is over, unless the returned function was called before; that says whether it was in time. */
  start(onLate: () => void): () => boolean {
    const pending = { since: performance.now(), onLate };
    this.pending.add(pending);
    this.timer ??= this.lookAfter(this.milliseconds);
    return () => this.pending.delete(pending);
  }

  /** Keeps no process alive: without its connection nobody waits for an answer. */
  private lookAfter(milliseconds: number): NodeJS.Timeout {
    return setTimeout(this.look, milliseconds).unref();
  }

  private readonly look = (): void => {
    this.timer = undefined;
    const now = performance.now();
    for (const pending of this.pending) {
      const left = pending.since + this.milliseconds - now;
      if (left > 0) {
        this.timer = this.lookAfter(left);
        return;
      }
      this.pending.delete(pending);
      pending.onLate();
    }
  };
}
