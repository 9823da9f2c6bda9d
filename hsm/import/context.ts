import type { Desk } from '../objects';
import type { ImportWays } from './ways';

/** What one import works with. Its session objects end with the session, which is of this import alone. */
export interface ImportContext extends Desk {
  readonly ways: ImportWays;
  /** Whether material, or the key that wraps it, may pass through the daemon's memory. */
  readonly softwareUnwrap: boolean;
  /** Throws where the token itself is in trouble. */
  readonly assertHealthy: () => void;
}
