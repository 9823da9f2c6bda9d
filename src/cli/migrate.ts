import { migrate } from '../db';
import { requireDatabaseUrl } from '../config';
import type { Command } from './subcommand';

/** `claviger migrate`: one line for each migration that it applied. */
export const migrateDatabase: Command = async (config) => {
  const { applied } = await migrate(requireDatabaseUrl(config));
  for (const name of applied) process.stdout.write(`applied ${name}\n`);
};
