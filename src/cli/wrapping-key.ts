import type { Token } from '../../hsm';
import type { Config } from '../config';
import { type Database, type Queryable, type Transaction, inTransaction } from '../db';
import { doom } from '../keys/doomed-objects';
import { lockToken } from '../keys/token-lock';
import {
  createWrappingKey,
  currentWrappingKey,
  listWrappingKeys,
  lockWrappingKeys,
  removeWrappingKey,
  type WrappingKey,
} from '../keys/wrapping-keys';
import { createLog, describeError } from '../log';
import { undoneOnFailure } from '../undo';
import { changeDatabase, withDatabase, withToken } from './open';
import { print, printJson, table } from './print';
import { type Command, CommandError } from './subcommand';

export interface Stores {
  readonly database: Database;
  readonly token: Token;
}

/** Runs with the database and the token of a key store. */
export function withStores<T>(config: Config, work: (stores: Stores) => Promise<T>): Promise<T> {
  return withDatabase(config, (database) =>
    withToken(config, createLog('warn'), (token) => work({ database, token })),
  );
}

interface Made {
  readonly id: string;
  readonly isNew: boolean;
}

/** Makes a wrapping key and has it wrap from now on, unless `instead`, asked under lock, has another answer. */
export function makeWrappingKey(
  { database, token }: Stores,
  {
    exportable,
    instead,
  }: {
    readonly exportable: boolean;
    readonly instead: (db: Transaction, current: string | undefined) => Promise<string | undefined>;
  },
): Promise<Made> {
  const onLeftover = (error: unknown): void =>
    createLog('warn').error('a wrapping key that is not used is left in the token', {
      error: describeError(error),
    });
  return undoneOnFailure({ database, onLeftover }, async (transaction, undo) => {
    await lockWrappingKeys(transaction);
    const other = await instead(transaction, await currentWrappingKey(transaction));
    if (other !== undefined) return { id: other, isNew: false };
    const id = await createWrappingKey({ database, token }, transaction, { exportable, undo });
    await transaction.commit();
    return { id, isNew: true };
  });
}

/** Part of `claviger init`: the first wrapping key, where there is none. */
export async function ensureWrappingKey(config: Config): Promise<void> {
  const current = await withDatabase(config, currentWrappingKey);
  if (current !== undefined) return;
  const instead = (_db: Transaction, id: string | undefined) => Promise.resolve(id);
  await withStores(config, (stores) => makeWrappingKey(stores, { exportable: false, instead }));
}

/** `claviger wrapping-key create`: the first one. Others come by rotation. */
export const createFirstWrappingKey: Command = async (config, options) => {
  const exportable = options['exportable'] === true;
  const { id } = await withStores(config, (stores) =>
    makeWrappingKey(stores, {
      exportable,
      instead: (_db, current) => {
        if (current === undefined) return Promise.resolve(undefined);
        throw new CommandError(
          `the wrapping key ${current} is current already: \`claviger wrapping-key rotate\` puts another in its place`,
        );
      },
    }),
  );
  print(options, {
    json: { WrappingKeyId: id, State: 'CURRENT', Exportable: exportable },
    text: `made the wrapping key ${id}`,
  });
};

/** `claviger wrapping-key list`. */
export const listAllWrappingKeys: Command = async (config, options) => {
  const keys = await withDatabase(config, listWrappingKeys);
  if (options['json'] === true) {
    for (const { id, state, exportable, createdAt, materials, systemKeys } of keys) {
      printJson({
        ...{ WrappingKeyId: id, State: state, Exportable: exportable },
        ...{ CreationDate: createdAt, KeyMaterials: materials, SystemKeys: systemKeys },
      });
    }
    return;
  }
  const heading = [
    'WRAPPING KEY',
    'STATE',
    'EXPORTABLE',
    'CREATED',
    'KEY MATERIALS',
    'SYSTEM KEYS',
  ];
  const cells = keys.map(({ id, state, exportable, createdAt, materials, systemKeys }) => [
    ...[id, state, exportable ? 'yes' : 'no', createdAt.toISOString()],
    ...[String(materials), String(systemKeys)],
  ]);
  process.stdout.write(`${table([heading, ...cells]).join('\n')}\n`);
};

/** `claviger wrapping-key destroy <id>`: what was wrapped by it, in backups of the database too, is lost. */
export const destroyWrappingKey: Command = async (config, options) => {
  const id = wrappingKeyId(options);
  await withToken(config, createLog('warn'), async (token) => {
    await changeDatabase(config, async (transaction) => {
      await lockWrappingKeys(transaction);
      requireUnused(await requireWrappingKey(transaction, id), config);
      if (options['yes'] !== true) {
        throw new CommandError(
          `backups of the database from before the last rotation need the wrapping key ${id}: with it gone, what it wrapped in them can never be used again. --yes destroys it`,
        );
      }
      await removeWrappingKey(transaction, id);
      const object = { tokenKeyId: id, tokenSerial: token.status().serial };
      await doom(transaction, { ...object, kind: 'secret-key', dueInSeconds: 0 });
      // Workers that read a key before it was rotated would ask for this one.
      transaction.announce({ topic: 'key-labels', id: '*' });
    });
    await withDatabase(config, (database) =>
      inTransaction(database, async (transaction) => {
        await lockToken(transaction, token.status().serial);
        await token.destroyKey(id);
      }),
    );
  });
  print(options, { json: { WrappingKeyId: id }, text: `destroyed the wrapping key ${id}` });
};

function requireUnused(
  { id, state, materials, systemKeys }: WrappingKey,
  { keyMaterial }: Config,
): void {
  if (materials + systemKeys > 0) {
    throw new CommandError(
      `${materials} key materials and ${systemKeys} keys of the system are wrapped by ${id}: \`claviger wrapping-key rotate\` puts them under another first`,
    );
  }
  if (state === 'CURRENT' && keyMaterial === 'wrapped') {
    throw new CommandError(
      `the wrapping key ${id} is the current one: \`claviger wrapping-key rotate\` puts another in its place`,
    );
  }
}

export async function requireWrappingKey(db: Queryable, id: string): Promise<WrappingKey> {
  const key = (await listWrappingKeys(db)).find((one) => one.id === id);
  if (key === undefined) throw new CommandError(`there is no wrapping key ${id}`);
  return key;
}

export function wrappingKeyId(options: Record<string, unknown>): string {
  const id = String(options['id']);
  if (/^[0-9a-f]{64}$/.test(id)) return id;
  throw new CommandError(
    `${JSON.stringify(id)} is no id of a wrapping key: it has 64 hexadecimal digits`,
  );
}
