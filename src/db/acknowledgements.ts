/** Own announcements that are remembered at the most; whoever waits does so within seconds of the commit. */
const maxRemembered = 10_000;

/** Which workers have acknowledged what this worker announced. An acknowledgement may come before anybody waits. */
export class Acknowledgements {
  private readonly workersByNumber = new Map<string, Set<string>>();
  private readonly waiting = new Set<() => void>();

  /** Own announcement was delivered: everything delivered later was committed later (Postgres, NOTIFY). */
  expect(number: string): void {
    this.workersByNumber.set(number, new Set());
    for (const oldest of this.workersByNumber.keys()) {
      if (this.workersByNumber.size <= maxRemembered) break;
      this.workersByNumber.delete(oldest);
    }
  }

  add(number: string, workerId: string): void {
    this.workersByNumber.get(number)?.add(workerId);
    this.wake();
  }

  /** The worker dropped everything, and with it all that was announced so far. */
  addToAll(workerId: string): void {
    for (const workers of this.workersByNumber.values()) workers.add(workerId);
    this.wake();
  }

  has(number: string, workerId: string): boolean {
    return this.workersByNumber.get(number)?.has(workerId) ?? false;
  }

  forget(number: string): void {
    this.workersByNumber.delete(number);
  }

  /** Resolves at the next acknowledgement of anything, and after the time at the latest. */
  next(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.waiting.add(done);
    });
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
  }
}
