import { setImmediate as nextTurn } from 'node:timers/promises';

/** A turn in which others had to wait for longer than this is followed by one of a single work. */
const slowMs = 20;

/**
 * Begins the work for each item in their order, at most `aTurn` of them in one turn of the event loop, and gives the results
 * in that order. Between its turns the event loop answers others, whatever the works do before they first wait: some take a
 * thousand times as long as the usual. Rejects when one of them does.
 */
export async function inTurns<T, R>(
  items: readonly T[],
  aTurn: number,
  work: (item: T) => Promise<R>,
  now = (): number => performance.now(),
): Promise<R[]> {
  const begun: Promise<R>[] = [];
  let left = aTurn;
  let since = now();
  for (const item of items) {
    if (left === 0) {
      await nextTurn();
      const isSlow = now() - since > slowMs;
      left = isSlow ? 1 : aTurn;
      since = now();
    }
    left -= 1;
    const working = work(item);
    // Whoever asks for the results is told, when all have begun.
    working.catch(() => undefined);
    begun.push(working);
  }
  return Promise.all(begun);
}
