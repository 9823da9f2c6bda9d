declare global {
  /** jest loads set-up and tear-down as separate modules of one process; they share the global object only. */
  var clavigerTeardown: (() => Promise<unknown>)[] | undefined;
}

/** Registers what the end of the run undoes. */
export function atTeardown(work: () => Promise<unknown>): void {
  (globalThis.clavigerTeardown ??= []).push(work);
}

export default async function tearDown(): Promise<void> {
  for (const work of (globalThis.clavigerTeardown ?? []).reverse()) await work();
}
