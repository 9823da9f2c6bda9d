import type { Config } from '../config';
import type { Transaction } from '../db';
import { issueAccessKey } from '../auth/accounts';
import {
  type RegisteredService,
  insertService,
  isServiceName,
  listServices,
  lockService,
  removeService,
  removeServiceKey,
} from '../iam/services';
import { managedAlias } from '../keys/managed';
import { createLog } from '../log';
import { chosenAccount, requireAccount } from './account';
import { changeDatabase, withDatabase, withToken } from './open';
import { printJson, printKey } from './print';
import { type Command, CommandError } from './subcommand';

/** As many as a user has: one in use, and one to change to. */
const maxAccessKeys = 2;

/** `claviger service create <name>`. */
export const createService: Command = async (config, options) => {
  const name = serviceName(options);
  const accountId = chosenAccount(config, options);
  await changeDatabase(config, async (transaction) => {
    await requireAccount(transaction, accountId);
    await requireOwnAlias(transaction, name);
    if (!(await insertService(transaction, { name, accountId }))) {
      throw new CommandError(`the service ${name} is registered already`);
    }
  });
  printJson({ Service: name, AccountId: accountId });
};

/** Each service has an AWS-managed key of its own in every account, and the alias of that names the service. */
async function requireOwnAlias(transaction: Transaction, name: string): Promise<void> {
  const alias = managedAlias(name);
  const services = await listServices(transaction);
  const rival = services.find((other) => other.name !== name && managedAlias(other.name) === alias);
  if (rival !== undefined) {
    throw new CommandError(`${alias} is the alias of the service ${rival.name} already`);
  }
}

/** `claviger service list`. */
export const listAllServices: Command = (config) =>
  withDatabase(config, async (database) => {
    for (const { name, accountId, accessKeyIds } of await listServices(database)) {
      printJson({ Service: name, AccountId: accountId, AccessKeyIds: accessKeyIds });
    }
  });

/** `claviger service delete <name>`: running daemons refuse its access keys when this has ended. */
export const deleteService: Command = (config, options) =>
  changeDatabase(config, async (transaction) => {
    await removeService(transaction, await requireService(transaction, serviceName(options)));
  });

/** `claviger service create-access-key <name>`. */
export const createServiceKey: Command = async (config, options) => {
  const name = serviceName(options);
  const issued = await withToken(config, createLog('warn'), (token) =>
    changeDatabase(config, async (transaction) => {
      const { accountId, accessKeyIds } = await requireService(transaction, name);
      if (accessKeyIds.length >= maxAccessKeys) {
        throw new CommandError(`the service ${name} has ${maxAccessKeys} access keys already`);
      }
      const owner = { AccountId: accountId, Arn: name };
      return issueAccessKey({ token, transaction }, { owner, principalId: name });
    }),
  );
  printKey(issued);
};

/** `claviger service delete-access-key <name> <id>`. */
export const deleteServiceKey: Command = (config: Config, options) =>
  changeDatabase(config, async (transaction) => {
    const name = serviceName(options);
    const accessKeyId = String(options['id']);
    const { accessKeyIds } = await requireService(transaction, name);
    if (!accessKeyIds.includes(accessKeyId)) {
      throw new CommandError(`the service ${name} has no access key ${accessKeyId}`);
    }
    await removeServiceKey(transaction, accessKeyId);
  });

async function requireService(transaction: Transaction, name: string): Promise<RegisteredService> {
  const service = await lockService(transaction, name);
  if (service === undefined) throw new CommandError(`the service ${name} is not registered`);
  return service;
}

function serviceName(options: Record<string, unknown>): string {
  const name = String(options['name']);
  if (isServiceName(name)) return name;
  throw new CommandError(
    `${JSON.stringify(name)} is no name of a service: it is like docs.claviger.internal, or like s3.amazonaws.com`,
  );
}
