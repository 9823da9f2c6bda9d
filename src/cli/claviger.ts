#!/usr/bin/env node
import { Command } from 'commander';
import { ConfigError, exportToLibraries, loadConfig } from '../config';
import { describeError } from '../log';
import { createAccessKey } from './account';
import { init } from './init';
import { migrateDatabase } from './migrate';
import { serve } from './serve';
import { inspectTokenCommand } from './token-inspect';
import { reapToken } from './token-reap';
import type { Command as Subcommand } from './subcommand';

const program = new Command('claviger').description(
  'A key management service that speaks the AWS KMS API on a PKCS#11 token.',
);

program.command('serve').description('serve until SIGINT or SIGTERM').action(run(serve));
program
  .command('migrate')
  .description('apply the migrations of the database')
  .action(run(migrateDatabase));
program
  .command('init')
  .description(
    'make what is missing of: sealing key, account, access key of its root (shown once, as JSON)',
  )
  .action(run(init));

const account = program.command('account').description('accounts');
account
  .command('create-access-key')
  .description('make another access key of the account root (shown once, as JSON)')
  .action(run(createAccessKey));

const token = program.command('token').description('the PKCS#11 token');
token
  .command('inspect')
  .description('token, mechanisms, and which KMS key specs and algorithms it can serve')
  .option('--json', 'print JSON')
  .action(run(inspectTokenCommand));
token
  .command('reap')
  .description('list the master keys of the token that no row of the database names')
  .option('--destroy', 'destroy them: never with a restored database, or a token that is shared')
  .action(run(reapToken));

/** Reads the settings, runs, and turns a failure into one line and exit code 1. */
function run(command: Subcommand): (options: Record<string, unknown>) => Promise<void> {
  return async (options) => {
    try {
      const config = loadConfig();
      exportToLibraries(config);
      await command(config, options);
    } catch (error) {
      const text = error instanceof ConfigError ? error.message : describeError(error);
      process.stderr.write(`claviger: ${text}\n`);
      process.exitCode = 1;
    }
  };
}

void program.parseAsync();
