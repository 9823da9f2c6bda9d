import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Begins the work for each item in their order, at most `aTurn` of them in one turn of the event loop, and gives the results
 * in that order. Between its turns the event loop answers others, whatever the works do before they first wait. Rejects
 * when one of them does.
 */
export async function inTurns<T, R>(
  items: readonly T[],
  aTurn: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const begun: Promise<R>[] = [];
  for (const [at, item] of items.entries()) {
    if (at > 0 && at % aTurn === 0) await nextTurn();
    const working = work(item);
    // Whoever asks for the results is told, when all have begun.
    working.catch(() => undefined);
    begun.push(working);
  }
  return Promise.all(begun);
}
