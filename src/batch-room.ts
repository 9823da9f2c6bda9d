import { KmsError } from './errors';

/** As many as a worker has connections, each of which has one request under way where it sends no batches. */
const mostEntries = 10_000;

/** How many entries of batches a worker has under way: each takes memory, and turns of the event loop, from everybody else. */
export class BatchRoom {
  private entries = 0;

  constructor(private readonly most = mostEntries) {}

  /** Throws ThrottlingException where there is no room for as many. Whoever is let in must leave. */
  enter(entries: number): void {
    if (this.entries + entries > this.most) {
      throw new KmsError('ThrottlingException', 'Too many batches are being answered.', {
        retryAfterSeconds: 1,
      });
    }
    this.entries += entries;
  }

  /** Once, when all are answered. */
  leave(entries: number): void {
    this.entries -= entries;
  }
}
