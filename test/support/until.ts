import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits for a condition; throws with its name when it does not come true in time. The time is for what never comes true: no
 * machine is so busy that what comes true at all takes as long.
 */
export async function until(
  name: string,
  condition: () => boolean | Promise<boolean>,
  milliseconds = 30_000,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Not within ${milliseconds} ms: ${name}`);
    await delay(5);
  }
}
