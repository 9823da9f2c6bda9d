/** A rate and what a worker has of it, or gets. */
export interface RateAmount {
  readonly key: string;
  readonly perSecond: number;
  readonly amount: number;
}

/** From a worker: all that it has of the rates it uses, in place of what it said before. Each is answered by one RatesGranted. */
export interface RatesHeld {
  readonly kind: 'rates-held';
  readonly held: readonly RateAmount[];
}

/** From the primary, to be added to what the worker has by now. */
export interface RatesGranted {
  readonly kind: 'rates-granted';
  readonly granted: readonly RateAmount[];
}

/** What each worker has of a rate before the primary has heard of it: all of them together a second's worth, and one at the least. */
export function shareOf(perSecond: number, workers: number): number {
  return Math.max(1, perSecond / workers);
}

/** Longest time between two hand-outs. */
export const longestCycleMs = 25;

/**
 * How the time between two hand-outs is divided. A worker waits before it reports, so that it has something to say; the
 * primary waits longer for the other workers, so that those that are busy always come together. For very many workers all
 * is quicker: what one holds must last until the next hand-out.
 */
export function paceOf(workers: number): { readonly reportMs: number; readonly handOutMs: number } {
  const cycleMs = Math.max(2, Math.min(longestCycleMs, 400 / workers));
  return { reportMs: cycleMs * 0.4, handOutMs: cycleMs * 0.6 };
}
