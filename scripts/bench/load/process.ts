import { drive, type Phase, type Result } from './drive';
import { type Generator, generate, startGenerator } from './generator';

export type LoadGenerator = Generator<Phase, Result>;

export function startLoadGenerator(): LoadGenerator {
  return startGenerator(__filename);
}

if (require.main === module) generate((phase) => drive(phase as Phase));
