import type { Config } from '../config';

/** What a command of the command line does. Throws what went wrong; the caller prints it. */
export interface Command {
  (config: Config, options: Record<string, unknown>): Promise<void>;
  /** Exit code when it could not do it; 1 when left out. */
  readonly failureCode?: number;
}

/** What a person asked for and cannot have; printed as it is. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
