import { ConfigError, exportToLibraries, loadConfig } from '../config';
import { KmsError } from '../errors';
import { StorageError } from '../keys/storage';
import { describeError } from '../log';
import { CommandError, type Command } from './subcommand';

/** What says by itself what is wrong, without a name before it. */
const plain = [ConfigError, CommandError, StorageError, KmsError];

/**
 * Reads the settings, runs, and turns a failure into one line and an exit code. Arguments are options by the names given
 * here, in their order.
 */
export function run(
  command: Command,
  ...names: readonly string[]
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    try {
      const config = loadConfig();
      exportToLibraries(config);
      const options = given[names.length] as Record<string, unknown>;
      const named = Object.fromEntries(names.map((name, at) => [name, given[at]]));
      await command(config, { ...options, ...named });
    } catch (error) {
      process.stderr.write(`claviger: ${sentence(error)}\n`);
      process.exitCode = command.failureCode ?? 1;
    }
  };
}

function sentence(error: unknown): string {
  const isPlain = plain.some((kind) => error instanceof kind);
  return isPlain && error instanceof Error && error.message !== ''
    ? error.message
    : describeError(error);
}
