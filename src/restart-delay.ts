/** A worker that serves shorter than this is restarted with a growing delay. */
const healthyMs = 2000;
const firstDelayMs = 100;
const longestDelayMs = 5000;

/** How long to wait before a dead worker is replaced: not at all, unless workers die as soon as they start. */
export class RestartDelay {
  private delayMs = 0;

  /** `servedMs`: how long the worker served that just died. */
  next(servedMs: number): number {
    this.delayMs =
      servedMs >= healthyMs
        ? 0
        : Math.min(Math.max(firstDelayMs, this.delayMs * 2), longestDelayMs);
    return this.delayMs;
  }
}
