#!/usr/bin/env node
import { Command } from 'commander';
import { createAccessKey, createAccount, listAllAccounts } from './account';
import { doctor } from './doctor';
import { init } from './init';
import { migrateDatabase } from './migrate';
import { run } from './run';
import {
  createService,
  createServiceKey,
  deleteService,
  deleteServiceKey,
  listAllServices,
} from './service';
import { inspectTokenCommand } from './token-inspect';
import { createFirstWrappingKey, destroyWrappingKey, listAllWrappingKeys } from './wrapping-key';
import { rotateWrappingKey } from './wrapping-key-rotate';
import { exportWrappingKey, importWrappingKey, prepareImport } from './wrapping-key-transfer';
import { addXks } from './xks';

const program = new Command('claviger').description(
  'A key management service that speaks the AWS KMS API on a PKCS#11 token.',
);

program
  .command('serve')
  .description('serve until SIGINT or SIGTERM')
  // The daemon is half of what there is to load, and no other command needs it.
  .action(run(async (config, options) => (await import('./serve.js')).serve(config, options)));
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
  .command('create')
  .description('make an account and its root (without an access key)')
  .argument('<id>', '12 digits')
  .option('--name <name>', 'what people call it')
  .action(run(createAccount, 'id'));
account
  .command('list')
  .description('print every account, one JSON object a line')
  .action(run(listAllAccounts));
account
  .command('create-access-key')
  .description('make another access key of an account root (shown once, as JSON)')
  .option('--account <id>', 'of this account, and not of that of the settings')
  .action(run(createAccessKey));

const service = program.command('service').description('registered services');
service
  .command('create')
  .description('register a service as a principal')
  .argument('<name>', 'like docs.claviger.internal, or like s3.amazonaws.com')
  .option('--account <id>', 'in this account, and not in that of the settings')
  .action(run(createService, 'name'));
service
  .command('list')
  .description('print every service and its access keys, one JSON object a line')
  .action(run(listAllServices));
service
  .command('delete')
  .description('remove a service and its access keys')
  .argument('<name>')
  .action(run(deleteService, 'name'));
service
  .command('create-access-key')
  .description('make an access key of a service (shown once, as JSON); it may have two')
  .argument('<name>')
  .action(run(createServiceKey, 'name'));
service
  .command('delete-access-key')
  .description('remove an access key of a service')
  .argument('<name>')
  .argument('<id>', 'AKIA…')
  .action(run(deleteServiceKey, 'name', 'id'));

const wrappingKey = program
  .command('wrapping-key')
  .description('the keys of the token that wrap key material');
wrappingKey
  .command('create')
  .description('make the first wrapping key')
  .option('--exportable', 'it may leave the token for another, wrapped')
  .option('--json', 'print JSON')
  .action(run(createFirstWrappingKey));
wrappingKey
  .command('list')
  .description('print every wrapping key, and how many key materials are under it')
  .option('--json', 'print one JSON object a line')
  .action(run(listAllWrappingKeys));
wrappingKey
  .command('rotate')
  .description(
    'put another wrapping key in place, and all key material under it; goes on where it was ended',
  )
  .option('--exportable', 'it may leave the token for another, wrapped')
  .option('--json', 'print JSON')
  .action(run(rotateWrappingKey));
wrappingKey
  .command('prepare-import')
  .description('make a key pair in this token that receives a wrapping key within seven days')
  .option('--out <file>', 'write its public key there, and not to standard output')
  .option('--json', 'print JSON')
  .action(run(prepareImport));
wrappingKey
  .command('export')
  .description('print the wrapping key, readable by the token of the public key alone, as JSON')
  .argument('<id>', '64 hexadecimal digits')
  .requiredOption('--to <file>', 'the public key that `prepare-import` wrote on the other token')
  .option('--out <file>', 'write it there, and not to standard output')
  .option('--json', 'print JSON, as it does without')
  .action(run(exportWrappingKey, 'id'));
wrappingKey
  .command('import')
  .description('take in a wrapping key that another token exported')
  .argument('<file>', 'what `export` wrote')
  .option('--exportable', 'it may leave this token again')
  .option('--json', 'print JSON')
  .action(run(importWrappingKey, 'file'));
wrappingKey
  .command('destroy')
  .description('destroy a wrapping key that wraps nothing any more')
  .argument('<id>', '64 hexadecimal digits')
  .option('--yes', 'though backups of the database may need it')
  .option('--json', 'print JSON')
  .action(run(destroyWrappingKey, 'id'));

const token = program.command('token').description('the PKCS#11 token');
token
  .command('inspect')
  .description('token, mechanisms, and which KMS key specs and algorithms it can serve')
  .option('--custom-key-store <id>', 'of this connected store of type AWS_CLOUDHSM')
  .option('--json', 'print JSON')
  .action(run(inspectTokenCommand));
program
  .command('doctor')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : doctor.failureCode))
  .description(
    'find and explain what token and database do not agree about, and what else is wrong',
  )
  .option('--repair', 'mend what is safe to mend')
  .option('--json', 'print JSON')
  .action(run(doctor));

addXks(program);

void program.parseAsync();
