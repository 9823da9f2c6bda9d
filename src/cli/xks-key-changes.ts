import type { Config } from '../config';
import type { Database } from '../db';
import {
  type ExternalKeyRecord,
  type ListedExternalKey,
  listExternalKeys,
  updateExternalKey,
} from '../xks/keys';
import { changeRecorded, withDatabase } from './open';
import { print, printJson, table } from './print';
import { type Command, CommandError } from './subcommand';
import {
  type Options,
  changed,
  chosenPrefix,
  requireChosen,
  externalKeyId,
  requireStore,
  rulesOf,
  shownPrefix,
  storePrefix,
  usagesOf,
} from './xks-input';
import { externalKeyEvent, externalKeyJson, requireExternalKey } from './xks-key-parts';

/** Rows that are read at once. */
const pageRows = 1000;

/** `claviger xks key list [prefix]`: those that are deleted, too, as their ids are taken for ever. */
export const listKeys: Command = (config, options) => {
  const prefix = chosenPrefix(options);
  return withDatabase(config, async (database) => {
    await requireChosen(database, prefix);
    if (options['json'] === true) {
      for await (const key of everyKey(database, prefix)) {
        printJson({ ...externalKeyJson(key), KeyState: key.keyState ?? null });
      }
      return;
    }
    const rows = [
      ['PREFIX', 'EXTERNAL KEY', 'KMS KEY', 'KEY STATE', 'USAGE', 'STATUS', 'RULES', 'CREATED'],
    ];
    for await (const key of everyKey(database, prefix)) rows.push(cells(key));
    process.stdout.write(`${table(rows).join('\n')}\n`);
  });
};

async function* everyKey(
  database: Database,
  prefix: string | undefined,
): AsyncGenerator<ListedExternalKey> {
  let after: Pick<ExternalKeyRecord, 'prefix' | 'externalKeyId'> | undefined;
  for (;;) {
    const page = await listExternalKeys(database, { prefix, after, limit: pageRows });
    yield* page;
    after = page.at(-1);
    if (page.length < pageRows) return;
  }
}

function cells(key: ListedExternalKey): string[] {
  const { prefix, externalKeyId: id, keyId, keyState, usages, status, rules, createdAt } = key;
  return [
    ...[shownPrefix(prefix), id, keyId ?? '-', keyState ?? 'gone', usages.join(','), status],
    ...[rules === undefined ? 'no' : 'yes', createdAt.toISOString()],
  ];
}

/** `claviger xks key update <prefix> <external id>`. */
export const updateKey: Command = async (config, options) => {
  const [usages, rules] = [usagesOf(options), rulesOf(options)];
  if (usages === undefined && rules === undefined) {
    throw new CommandError('there is nothing to change: name --usage, --rules or --no-rules');
  }
  const key = await change(config, options, {
    eventName: 'UpdateExternalKey',
    what: (now) => ({ ...now, usages: usages ?? now.usages, rules: changed(rules, now.rules) }),
  });
  print(options, {
    json: externalKeyJson(key),
    text: `changed the external key ${key.externalKeyId} of ${shownPrefix(key.prefix)}`,
  });
};

/** `claviger xks key enable <prefix> <external id>`. */
export const enableKey: Command = setStatus('ENABLED');

/** `claviger xks key disable <prefix> <external id>`: when it ends, no running daemon uses the key for AWS KMS. */
export const disableKey: Command = setStatus('DISABLED');

function setStatus(status: 'ENABLED' | 'DISABLED'): Command {
  return async (config, options) => {
    const key = await change(config, options, {
      eventName: 'UpdateExternalKey',
      what: (now) => ({ ...now, status }),
    });
    print(options, {
      json: externalKeyJson(key),
      text: `the external key ${key.externalKeyId} of ${shownPrefix(key.prefix)} is ${status}`,
    });
  };
}

/** `claviger xks key delete <prefix> <external id>`: its KMS key stays, and can be linked under the same id again. */
export const deleteKey: Command = async (config, options) => {
  const key = await change(config, options, {
    eventName: 'DeleteExternalKey',
    what: (now) => ({ ...now, status: 'DELETED' }),
  });
  print(options, {
    json: externalKeyJson(key),
    text: `deleted the external key ${key.externalKeyId} of ${shownPrefix(key.prefix)}; ${key.keyId === undefined ? 'its KMS key is gone' : `its KMS key ${key.keyId} is as it was`}`,
  });
};

function change(
  config: Config,
  options: Options,
  {
    eventName,
    what,
  }: {
    readonly eventName: string;
    readonly what: (now: ExternalKeyRecord) => ExternalKeyRecord;
  },
): Promise<ExternalKeyRecord> {
  const [prefix, id] = [storePrefix(options), externalKeyId(options)];
  return changeRecorded(config, async ({ transaction, record }) => {
    const { accountId } = await requireStore(transaction, prefix);
    const key = what(await requireExternalKey(transaction, { prefix, externalKeyId: id }));
    await updateExternalKey(transaction, key);
    record(externalKeyEvent(config, eventName, { accountId, external: key }));
    return key;
  });
}
