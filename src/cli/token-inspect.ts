import type { Capabilities, Token, TokenStatus } from '../../hsm';
import type { Config } from '../config';
import { findStore } from '../custom-key-stores/stores';
import type { Queryable } from '../db';
import { createLog } from '../log';
import { withKeyTokens } from './key-tokens';
import { withDatabase, withToken } from './open';
import { print, table } from './print';
import { type Command, CommandError } from './subcommand';

/** `claviger token inspect`: proves by known answers what a token can do, and prints it. */
export const inspectTokenCommand: Command = async (config, options) => {
  const { customKeyStore } = options;
  const show = (token: Token): Promise<void> => inspect(token, options);
  if (typeof customKeyStore === 'string') await withTokenOf(config, customKeyStore, show);
  else await withToken(config, createLog('warn'), show);
};

async function inspect(token: Token, options: Record<string, unknown>): Promise<void> {
  const status = token.status();
  const capabilities = await token.inspect();
  print(options, {
    json: { token: status, ...capabilities },
    text: page(status, capabilities),
  });
}

function withTokenOf(
  config: Config,
  customKeyStoreId: string,
  work: (token: Token) => Promise<void>,
): Promise<void> {
  return withDatabase(config, async (database) => {
    await requireConnectedCluster(database, customKeyStoreId);
    await withKeyTokens({ config, database, log: createLog('warn') }, async ({ keyTokens }) =>
      work(await keyTokens.ofStore(customKeyStoreId)),
    );
  });
}

async function requireConnectedCluster(db: Queryable, id: string): Promise<void> {
  const store = await findStore(db, id);
  if (store === undefined) throw new CommandError(`there is no custom key store ${id}`);
  if (store.of.type !== 'AWS_CLOUDHSM') {
    throw new CommandError(`the custom key store ${id} has no token: it is an ${store.of.type}`);
  }
  if (store.connectionState !== 'CONNECTED') {
    throw new CommandError(`the custom key store ${id} is ${store.connectionState}: connect it`);
  }
}

function page(status: TokenStatus, { mechanisms, rows }: Capabilities): string {
  const heading = ['KMS NAME', 'SERVED', 'MECHANISM', 'NOTE'];
  const cells = rows.map((row) => [
    row.name,
    row.supported ? 'yes' : 'no',
    row.mechanism,
    row.note,
  ]);
  return [
    `label         ${status.label}`,
    `serial        ${status.serial}`,
    `manufacturer  ${status.manufacturer}`,
    `model         ${status.model}`,
    `mechanisms    ${mechanisms.length}: ${mechanisms.join(' ')}`,
    '',
    ...table([heading, ...cells]),
  ].join('\n');
}
