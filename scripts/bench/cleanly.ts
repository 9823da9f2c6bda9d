import type { Cleanup } from './ground';

/** Stops and deletes in the end whatever was started, when it is interrupted too. */
export async function cleanly(
  use: (onClose: (step: Cleanup) => void) => Promise<void>,
): Promise<void> {
  const steps: Cleanup[] = [];
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= runAll(steps.toReversed()));
  const interrupted = (): void => void close().finally(() => process.exit(1));
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, interrupted);
  try {
    await use((step) => steps.push(step));
  } finally {
    for (const signal of signals) process.off(signal, interrupted);
    await close();
  }
}

async function runAll(steps: readonly Cleanup[]): Promise<void> {
  for (const step of steps) await step();
}
