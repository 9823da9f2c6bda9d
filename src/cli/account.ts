import { findAccount, insertAccount, listAccounts } from '../auth/accounts';
import type { Config } from '../config';
import type { Queryable } from '../db';
import { accountRootArn } from '../keys/identifiers';
import { issue } from './init';
import { changeDatabase, withDatabase } from './open';
import { printJson } from './print';
import { type Command, CommandError } from './subcommand';

/** `claviger account create <id>`: an account and its root, without an access key. */
export const createAccount: Command = async (config, options) => {
  const accountId = accountNumber(options['id']);
  const arn = accountRootArn(config, accountId);
  const name = options['name'] === undefined ? undefined : accountName(options['name']);
  await changeDatabase(config, async (transaction) => {
    if (!(await insertAccount(transaction, { accountId, rootArn: arn, name }))) {
      throw new CommandError(`the account ${accountId} is there already`);
    }
  });
  printJson({ AccountId: accountId, Arn: arn, Name: name });
};

/** `claviger account list`. */
export const listAllAccounts: Command = (config) =>
  withDatabase(config, async (database) => {
    for (const { accountId, name } of await listAccounts(database)) {
      printJson({ AccountId: accountId, Arn: accountRootArn(config, accountId), Name: name });
    }
  });

/** `claviger account create-access-key`. */
export const createAccessKey: Command = async (config, options) => {
  const accountId = chosenAccount(config, options);
  if (accountId !== config.accountId) {
    await withDatabase(config, (database) => requireAccount(database, accountId));
  }
  await issue({ ...config, accountId }, { another: true });
};

/** That of `--account`, or that of the settings. */
export function chosenAccount(config: Config, { account }: Record<string, unknown>): string {
  return account === undefined ? config.accountId : accountNumber(account);
}

export async function requireAccount(db: Queryable, accountId: string): Promise<void> {
  if (await findAccount(db, accountId)) return;
  throw new CommandError(`there is no account ${accountId}: \`claviger account create\` makes it`);
}

function accountNumber(value: unknown): string {
  const text = String(value);
  if (/^[0-9]{12}$/.test(text)) return text;
  throw new CommandError(`${JSON.stringify(text)} is no account id: it has 12 digits`);
}

/** Of names that people read, so that a list stays a list. */
function accountName(value: unknown): string {
  const text = String(value);
  if (/^[^\p{C}]{1,128}$/u.test(text)) return text;
  throw new CommandError(
    'the name of an account has 1 to 128 characters, and none that cannot be seen',
  );
}
