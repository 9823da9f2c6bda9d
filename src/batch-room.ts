import { KmsError } from './errors';
import type { Principal } from './policy/principal';
import { counterOf } from './request-rates/limits';

/** As many as a worker has connections, each of which has one request under way where it sends no batches. */
const mostEntries = 10_000;

/** How many entries of batches a worker has under way: each takes memory, and turns of the event loop, from everybody else. */
export class BatchRoom {
  private entries = 0;
  /** Of whom there are any, by what their requests are counted under. */
  private readonly held = new Map<string, number>();

  constructor(private readonly most = mostEntries) {}

  /**
   * Throws ThrottlingException where there is no room for as many. Nobody gets more than is left for others: alone half of it
   * all, so that whoever sends batches without end keeps nobody else from sending one. Whoever is let in must leave.
   */
  enter(caller: Principal, entries: number): void {
    const counter = counterOf(caller);
    const own = (this.held.get(counter) ?? 0) + entries;
    if (own > this.most - this.entries) {
      throw new KmsError('ThrottlingException', 'Too many batches are being answered.', {
        retryAfterSeconds: 1,
      });
    }
    this.held.set(counter, own);
    this.entries += entries;
  }

  /** Once, when all are answered. */
  leave(caller: Principal, entries: number): void {
    const counter = counterOf(caller);
    const own = (this.held.get(counter) ?? 0) - entries;
    if (own > 0) this.held.set(counter, own);
    else this.held.delete(counter);
    this.entries -= entries;
  }
}
