import type { Command } from 'commander';
import { run } from './run';
import type { Command as Subcommand } from './subcommand';
import {
  createCredential,
  deleteCredential,
  disableCredential,
  enableCredential,
  listAllCredentials,
} from './xks-credential';
import { createExternalKey, linkExternalKey, rotateExternalKey } from './xks-key';
import { deleteKey, disableKey, enableKey, listKeys, updateKey } from './xks-key-changes';
import {
  createStore,
  deleteStore,
  disableStore,
  enableStore,
  listAllStores,
  showStore,
  updateStoreSettings,
} from './xks-store';

interface Line {
  readonly name: string;
  readonly does: string;
  readonly command: Subcommand;
  /** Arguments, in order, by the names of the options that they become; `[…]` may be left out. */
  readonly takes?: readonly (keyof typeof sentences)[];
  /** Flags and their sentences. */
  readonly options?: readonly (readonly [flags: string, does: string])[];
  /** Prints one object for each thing. */
  readonly isList?: true;
}

const sentences = {
  '<prefix>': 'like /payments; / stands for none',
  '[prefix]': 'of this store alone',
  '<id>': 'by which AWS KMS knows it',
  '<key>': 'key id, ARN or alias of a KMS key of the account of the store',
} as const;

const rules = [
  ['--rules <file>', 'secondary authorization: a JSON document, see docs/xks.md'],
] as const;
const noRules = [['--no-rules', "leave it to AWS's own policies"]] as const;
const usage = [
  ['--usage <list>', 'ENCRYPT, DECRYPT, or ENCRYPT,DECRYPT (the default; AWS KMS wants both)'],
] as const;
const region = [['--region <region>', 'from which AWS KMS calls']] as const;
const rate = [['--rate <n>', 'requests a second at the most']] as const;

const storeLines: readonly Line[] = [
  {
    ...{ name: 'create', does: 'make an external key store', command: createStore },
    takes: ['<prefix>'],
    options: [
      ['--account <id>', 'its keys are of this account, and not of that of the settings'],
      ...[...region, ...rate, ...rules],
    ],
  },
  { name: 'list', does: 'print every store', command: listAllStores, isList: true },
  {
    ...{ name: 'show', does: 'print a store, its credentials and rules', command: showStore },
    takes: ['<prefix>'],
  },
  {
    ...{ name: 'update', does: 'change a store', command: updateStoreSettings },
    takes: ['<prefix>'],
    options: [...region, ...rate, ['--no-rate', 'as many as there are'], ...rules, ...noRules],
  },
  {
    ...{ name: 'enable', does: 'serve a store that was disabled', command: enableStore },
    takes: ['<prefix>'],
  },
  {
    ...{ name: 'disable', does: 'refuse what AWS KMS asks of a store', command: disableStore },
    takes: ['<prefix>'],
  },
  {
    ...{ name: 'delete', does: 'remove a store that has no keys', command: deleteStore },
    takes: ['<prefix>'],
  },
];

const credentialLines: readonly Line[] = [
  {
    ...{ name: 'create', command: createCredential },
    does: 'make a credential for AWS KMS (its secret is shown once)',
    takes: ['<prefix>'],
    options: [['--upload-file <file>', 'write what the console of AWS KMS takes to a new file']],
  },
  {
    ...{ name: 'list', does: 'print the credentials', command: listAllCredentials },
    ...{ takes: ['[prefix]'], isList: true },
  },
  {
    ...{ name: 'enable', does: 'accept a credential again', command: enableCredential },
    takes: ['<prefix>', '<id>'],
  },
  {
    ...{ name: 'disable', does: 'accept a credential no more', command: disableCredential },
    takes: ['<prefix>', '<id>'],
  },
  {
    ...{ name: 'delete', does: 'remove a credential', command: deleteCredential },
    takes: ['<prefix>', '<id>'],
  },
];

const keyLines: readonly Line[] = [
  {
    ...{ name: 'create', command: createExternalKey },
    does: 'make a KMS key, and give it an external key id',
    takes: ['<prefix>', '<id>'],
    options: [...usage, ...rules],
  },
  {
    ...{ name: 'link', does: 'give a KMS key an external key id', command: linkExternalKey },
    takes: ['<prefix>', '<id>', '<key>'],
    options: [...usage, ...rules],
  },
  {
    ...{ name: 'rotate', command: rotateExternalKey },
    does: 'encrypt with new key material; the old decrypts on',
    takes: ['<prefix>', '<id>'],
  },
  {
    ...{ name: 'list', does: 'print the external keys', command: listKeys },
    ...{ takes: ['[prefix]'], isList: true },
  },
  {
    ...{ name: 'update', does: 'change an external key', command: updateKey },
    takes: ['<prefix>', '<id>'],
    options: [...usage, ...rules, ...noRules],
  },
  {
    ...{ name: 'enable', does: 'let AWS KMS use a key again', command: enableKey },
    takes: ['<prefix>', '<id>'],
  },
  {
    ...{ name: 'disable', does: 'let AWS KMS use a key no more', command: disableKey },
    takes: ['<prefix>', '<id>'],
  },
  {
    ...{ name: 'delete', does: 'take the external key id from its KMS key', command: deleteKey },
    takes: ['<prefix>', '<id>'],
  },
];

/** `claviger xks …`: the external key stores that AWS KMS reaches through the XKS proxy. */
export function addXks(program: Command): void {
  const xks = program.command('xks').description('external key stores of AWS KMS (XKS proxy)');
  const groups = [
    ['store', 'the stores, each under its prefix', storeLines],
    ['credential', 'what AWS KMS signs its requests with', credentialLines],
    ['key', 'the keys that AWS KMS knows by external key ids', keyLines],
  ] as const;
  for (const [name, does, lines] of groups) {
    const group = xks.command(name).description(does);
    for (const line of lines) add(group, line);
  }
}

function add(
  group: Command,
  { name, does, command, takes = [], options = [], isList }: Line,
): void {
  const added = group.command(name).description(does);
  for (const argument of takes) added.argument(argument, sentences[argument]);
  for (const [flags, sentence] of options) added.option(flags, sentence);
  added.option('--json', isList === true ? 'print one JSON object a line' : 'print JSON');
  added.action(run(command, ...takes.map((argument) => argument.slice(1, -1))));
}
