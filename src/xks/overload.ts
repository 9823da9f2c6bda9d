/** They are told of together: there are very many when there are any. */
const togetherMs = 1000;

/** Counts what is noted, and tells how many there were, a second after the first of them. */
export function countedTogether(tell: (count: number) => void): () => void {
  let count = 0;
  const say = (): void => {
    const told = count;
    count = 0;
    tell(told);
  };
  return () => {
    count += 1;
    if (count === 1) setTimeout(say, togetherMs).unref();
  };
}
