import { type Generator, generate, startGenerator } from '../load/generator';
import { type Phase, type Result, drive } from './drive';

export type XksLoadGenerator = Generator<Phase, Result>;

export function startXksLoadGenerator(): XksLoadGenerator {
  return startGenerator(__filename);
}

if (require.main === module) generate((phase) => drive(phase as Phase));
