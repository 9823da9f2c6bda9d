import type { Config } from '../config';

/** What a command of the command line does. Throws what went wrong; the caller prints it. */
export type Command = (config: Config, options: Record<string, unknown>) => Promise<void>;

/** What a person asked for and cannot have; printed as it is. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
