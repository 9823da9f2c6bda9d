import { drive, type Phase, type Result } from './drive';
import { type Generator, generate, startGenerator } from './generator';

export type LoadGenerator = Generator<Phase, Result>;

/** Interrupted, it stops the load: without that the measurement fails, and on its way out everything is stopped and deleted. */
export async function withLoadGenerator(
  measure: (generator: LoadGenerator) => Promise<void>,
): Promise<void> {
  const generator: LoadGenerator = startGenerator(__filename);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void generator.stop());
  }
  try {
    await measure(generator);
  } finally {
    await generator.stop();
  }
}

if (require.main === module) generate((phase) => drive(phase as Phase));
