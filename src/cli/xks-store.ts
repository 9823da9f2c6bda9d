import type { Config } from '../config';
import { type CredentialRecord, listCredentials } from '../xks/credentials';
import { countExternalKeys } from '../xks/keys';
import {
  type StoreRecord,
  findStore,
  insertStore,
  listStores,
  removeStore,
  updateStore,
} from '../xks/stores';
import { chosenAccount, requireAccount } from './account';
import { changeRecorded, withDatabase } from './open';
import { print, printJson, table } from './print';
import { type Command, CommandError } from './subcommand';
import { changeEvent } from './xks-event';
import {
  type Options,
  changed,
  rateOf,
  regionOf,
  requireStore,
  rulesOf,
  shownPrefix,
  storePrefix,
  uriPath,
} from './xks-input';

/** `claviger xks store create <prefix>`. */
export const createStore: Command = async (config, options) => {
  const prefix = storePrefix(options);
  const wanted = {
    ...{ prefix, accountId: chosenAccount(config, options) },
    region: regionOf(options) ?? config.region,
    rate: rateOf(options) ?? undefined,
    rules: rulesOf(options) ?? undefined,
  };
  const store = await changeRecorded(config, async ({ transaction, record }) => {
    await requireAccount(transaction, wanted.accountId);
    const made = await insertStore(transaction, wanted);
    if (made === undefined) {
      throw new CommandError(`the external key store ${shownPrefix(prefix)} is there already`);
    }
    record(storeEvent(config, 'CreateExternalKeyStore', made));
    return made;
  });
  print(options, {
    json: asJson(store),
    text: `made the external key store ${shownPrefix(prefix)}: its XksProxyUriPath is ${uriPath(prefix)}`,
  });
};

/** `claviger xks store list`. */
export const listAllStores: Command = async (config, options) => {
  const stores = await withDatabase(config, listStores);
  if (options['json'] === true) {
    for (const store of stores) printJson(asJson(store));
    return;
  }
  const heading = ['PREFIX', 'XKS PROXY URI PATH', 'ACCOUNT', 'REGION', 'STATUS', 'RATE', 'RULES'];
  const cells = stores.map(({ prefix, accountId, region, status, rate, rules }) => [
    ...[shownPrefix(prefix), uriPath(prefix), accountId, region, status],
    ...[rate === undefined ? '-' : String(rate), rules === undefined ? 'no' : 'yes'],
  ]);
  process.stdout.write(`${table([heading, ...cells]).join('\n')}\n`);
};

/** `claviger xks store show <prefix>`. */
export const showStore: Command = async (config, options) => {
  const prefix = storePrefix(options);
  const { store, credentials, keys } = await withDatabase(config, async (database) => {
    const found = await findStore(database, prefix);
    if (found === undefined) {
      throw new CommandError(`there is no external key store ${shownPrefix(prefix)}`);
    }
    return {
      store: found,
      credentials: await listCredentials(database, prefix),
      keys: await countExternalKeys(database, prefix),
    };
  });
  print(options, {
    json: {
      ...asJson(store),
      Credentials: credentials.map(({ accessKeyId, status }) => ({
        AccessKeyId: accessKeyId,
        Status: status,
      })),
      ExternalKeys: keys,
    },
    text: page(store, { credentials, keys }),
  });
};

function page(
  { prefix, accountId, region, status, rate, rules, createdAt }: StoreRecord,
  { credentials, keys }: { credentials: readonly CredentialRecord[]; keys: number },
): string {
  const shown = credentials.map((one) => `${one.accessKeyId} (${one.status})`);
  return table([
    ['prefix', shownPrefix(prefix)],
    ['XksProxyUriPath', uriPath(prefix)],
    ['account', accountId],
    ['Region', region],
    ['status', status],
    ['rate', rate === undefined ? 'no limit' : `${rate} requests a second`],
    ['rules', rules ?? "none: AWS's own policies decide"],
    ['credentials', shown.length === 0 ? 'none' : shown.join(', ')],
    ['external keys', String(keys)],
    ['created', createdAt.toISOString()],
  ]).join('\n');
}

/** `claviger xks store update <prefix>`. */
export const updateStoreSettings: Command = async (config, options) => {
  const [region, rate, rules] = [regionOf(options), rateOf(options), rulesOf(options)];
  if (region === undefined && rate === undefined && rules === undefined) {
    throw new CommandError(
      'there is nothing to change: name --region, --rate, --no-rate, --rules or --no-rules',
    );
  }
  const store = await change(config, options, (now) => ({
    ...now,
    region: region ?? now.region,
    rate: changed(rate, now.rate),
    rules: changed(rules, now.rules),
  }));
  print(options, {
    json: asJson(store),
    text: `changed the external key store ${shownPrefix(store.prefix)}`,
  });
};

/** `claviger xks store enable <prefix>`. */
export const enableStore: Command = setStatus('ENABLED');

/** `claviger xks store disable <prefix>`: when it ends, every running daemon refuses what AWS KMS asks of the store. */
export const disableStore: Command = setStatus('DISABLED');

function setStatus(status: StoreRecord['status']): Command {
  return async (config, options) => {
    const store = await change(config, options, (now) => ({ ...now, status }));
    print(options, {
      json: asJson(store),
      text: `the external key store ${shownPrefix(store.prefix)} is ${status}`,
    });
  };
}

function change(
  config: Config,
  options: Options,
  what: (now: StoreRecord) => StoreRecord,
): Promise<StoreRecord> {
  const prefix = storePrefix(options);
  return changeRecorded(config, async ({ transaction, record }) => {
    const store = what(await requireStore(transaction, prefix));
    await updateStore(transaction, store);
    record(storeEvent(config, 'UpdateExternalKeyStore', store));
    return store;
  });
}

/** `claviger xks store delete <prefix>`: of one that has no keys. Its credentials go with it. */
export const deleteStore: Command = async (config, options) => {
  const prefix = storePrefix(options);
  await changeRecorded(config, async ({ transaction, record }) => {
    const store = await requireStore(transaction, prefix);
    const keys = await countExternalKeys(transaction, prefix);
    if (keys > 0) {
      throw new CommandError(
        `the external key store ${shownPrefix(prefix)} has ${keys} external ${keys === 1 ? 'key' : 'keys'}: \`claviger xks key delete\` them first`,
      );
    }
    await removeStore(transaction, prefix);
    record(storeEvent(config, 'DeleteExternalKeyStore', store));
  });
  print(options, {
    json: { Prefix: prefix },
    text: `deleted the external key store ${shownPrefix(prefix)}`,
  });
};

function storeEvent(
  config: Config,
  eventName: string,
  { prefix, accountId, region, status, rate, rules }: StoreRecord,
): ReturnType<typeof changeEvent> {
  return changeEvent(config, eventName, {
    accountId,
    details: {
      ...{ xksProxyUriPath: uriPath(prefix), region, status },
      ...(rate !== undefined && { rate }),
      ...(rules !== undefined && { rules: JSON.parse(rules) as unknown }),
    },
  });
}

function asJson(store: StoreRecord): Record<string, unknown> {
  const { prefix, accountId, region, status, rate, rules, createdAt } = store;
  return {
    ...{ Prefix: prefix, XksProxyUriPath: uriPath(prefix), AccountId: accountId, Region: region },
    Status: status,
    Rate: rate ?? null,
    Rules: rules === undefined ? null : (JSON.parse(rules) as unknown),
    CreationDate: createdAt,
  };
}
