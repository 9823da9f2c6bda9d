import { type IssuedAccessKey, initialiseAccount } from '../auth/accounts';
import type { Config } from '../config';
import { createLog } from '../log';
import { withTokenAndDatabase } from './open';
import type { Command } from './subcommand';

/** `claviger init`: prints the access key as JSON when it made one, and nothing when there was one. */
export const init: Command = (config) => issue(config, false);

/** Makes an access key of the account root; with `another` set, beside those that exist. */
export async function issue(config: Config, another: boolean): Promise<void> {
  const log = createLog('warn');
  const { partition, region, accountId } = config;
  await withTokenAndDatabase(config, log, async ({ token, database }) => {
    const place = { partition, region };
    const issued = await initialiseAccount({ token, database, place }, accountId, { another });
    if (issued !== undefined) print(issued);
  });
}

function print({ SecretAccessKey, ...rest }: IssuedAccessKey): void {
  const shown = { ...rest, SecretAccessKey: SecretAccessKey.revealText() };
  process.stdout.write(`${JSON.stringify(shown)}\n`);
}
