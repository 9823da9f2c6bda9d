import type { Place } from '../keys/identifiers';
import { compileKeyPolicy } from './compile';
import type { ResourcePolicy } from './policy';

/** Texts that are kept at the most. An account has as many as it has ways to share keys, whatever the number of its keys. */
const defaultCapacity = 1000;

/** Compiles key policies. Keys of the same text share what it compiles to, and the text. */
export class KeyPolicies {
  private readonly compiled = new Map<string, ResourcePolicy>();

  constructor(
    private readonly place: Place,
    private readonly capacity = defaultCapacity,
  ) {}

  /** Throws PolicyError. */
  compile(text: string): ResourcePolicy {
    const policy = this.compiled.get(text) ?? compileKeyPolicy(text, this.place);
    // A Map is ordered by insertion: the first entry is the one used longest ago.
    this.compiled.delete(text);
    this.compiled.set(text, policy);
    for (const eldest of this.compiled.keys()) {
      if (this.compiled.size <= this.capacity) break;
      this.compiled.delete(eldest);
    }
    return policy;
  }
}
