import { setTimeout as delay } from 'node:timers/promises';

/** Waits for a condition; throws with its name when it does not come true in time. */
export async function until(
  name: string,
  condition: () => boolean | Promise<boolean>,
  milliseconds = 10_000,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Not within ${milliseconds} ms: ${name}`);
    await delay(5);
  }
}
