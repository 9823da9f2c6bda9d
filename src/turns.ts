import { setImmediate as nextTurn } from 'node:timers/promises';

export interface Turns {
  /** Works that are begun in one turn of the event loop at the most. */
  readonly aTurn: number;
  /** Works that are under way at the most. */
  readonly atOnce: number;
}

/**
 * Begins the work for each item in their order, and gives the results in it. Between its turns the event loop answers others,
 * whatever the works do before they first wait. Rejects when one of them does.
 */
export async function inTurns<T, R>(
  items: readonly T[],
  { aTurn, atOnce }: Turns,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const begun: Promise<R>[] = [];
  const underWay = new Set<Promise<unknown>>();
  for (const [at, item] of items.entries()) {
    if (at > 0 && at % aTurn === 0) await nextTurn();
    while (underWay.size >= atOnce) await Promise.race(underWay);
    const working = work(item);
    begun.push(working);
    const ended = working.finally(() => underWay.delete(ended));
    // Whoever asks for the results is told.
    ended.catch(() => undefined);
    underWay.add(ended);
  }
  return Promise.all(begun);
}
