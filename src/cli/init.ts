import { initialiseAccount, isInitialised } from '../auth/accounts';
import type { Config } from '../config';
import { createLog } from '../log';
import { requireNotWrapped } from '../keys/storage';
import { withDatabase, withToken } from './open';
import { printKey } from './print';
import type { Command } from './subcommand';
import { ensureWrappingKey } from './wrapping-key';

/**
 * `claviger init`: prints the access key as JSON when it made one, and nothing when there was one. A wrapped key store gets
 * its first wrapping key.
 */
export const init: Command = async (config) => {
  await withDatabase(config, (database) => requireNotWrapped(database, config.keyMaterial));
  // Sealing keys are wrapped by it too.
  if (config.keyMaterial === 'wrapped') await ensureWrappingKey(config);
  await issue(config, { another: false });
};

/** Makes an access key of the account root; `another` makes one beside those that exist. */
export async function issue(config: Config, { another }: { another: boolean }): Promise<void> {
  const { partition, region, accountId, keyMaterial: storage } = config;
  await withDatabase(config, async (database) => {
    // The usual case on a laptop, and the token takes longer to open than the database to ask.
    if (!another && (await isInitialised(database, accountId, storage))) return;
    const issued = await withToken(config, createLog('warn'), (token) =>
      initialiseAccount({ token, database, place: { partition, region }, storage }, accountId, {
        another,
      }),
    );
    if (issued !== undefined) printKey(issued);
  });
}
