import { unlink } from 'node:fs/promises';
import type { Token } from '../../hsm';
import { Sealing } from '../auth/sealing';
import { Secret } from '../auth/secret';
import type { Config } from '../config';
import { createLog } from '../log';
import {
  type CredentialRecord,
  insertCredential,
  listCredentials,
  removeCredential,
  setCredentialStatus,
} from '../xks/credentials';
import { changeRecorded, withDatabase, withToken } from './open';
import { print, printJson, table } from './print';
import { type Command, CommandError } from './subcommand';
import { writeText } from './transfer-files';
import { changeEvent } from './xks-event';
import {
  type Options,
  accessKeyId,
  chosenPrefix,
  requireChosen,
  requireStore,
  shownPrefix,
  storePrefix,
  uriPath,
} from './xks-input';

/** Two are in use at once while one takes the other's place; each is opened whenever a worker reads the store. */
const maxCredentials = 10;
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** The XKS proxy API has 20 to 30. */
const idLength = 26;
/** As 48 base64 characters; the XKS proxy API wants 256 bits, in 43 to 64. */
const secretBytes = 36;

/** `claviger xks credential create <prefix>`: the one time that its secret is shown. */
export const createCredential: Command = async (config, options) => {
  const prefix = storePrefix(options);
  const file = fileOf(options);
  const made = await withToken(config, createLog('warn'), (token) =>
    create(config, token, { prefix, file }),
  );
  const { AccessKeyId, RawSecretAccessKey } = revealed(made);
  const lines = [
    ['XksProxyUriPath', uriPath(prefix)],
    ['AccessKeyId', AccessKeyId],
    ['RawSecretAccessKey', RawSecretAccessKey],
  ];
  print(options, {
    json: {
      ...{ Prefix: prefix, XksProxyUriPath: uriPath(prefix), AccessKeyId, RawSecretAccessKey },
      ...(file !== undefined && { UploadFile: file }),
    },
    text: [
      ...table(lines),
      ...(file === undefined ? [] : [`wrote the upload file ${file}`]),
      'the secret is not shown again',
    ].join('\n'),
  });
};

function fileOf({ uploadFile: file }: Options): string | undefined {
  return typeof file === 'string' ? file : undefined;
}

interface NewCredential {
  readonly accessKeyId: string;
  readonly secret: Secret;
}

interface Wanted {
  readonly prefix: string;
  /** Where the file goes that the console takes. */
  readonly file: string | undefined;
}

/** The file is there before the credential is: a secret that nobody has would be of no use. */
async function create(
  config: Config,
  token: Token,
  { prefix, file }: Wanted,
): Promise<NewCredential> {
  const credential = newCredential(token);
  await changeRecorded(config, async ({ transaction, undo, record }) => {
    const { accountId } = await requireStore(transaction, prefix);
    if ((await listCredentials(transaction, prefix)).length >= maxCredentials) {
      throw new CommandError(
        `the external key store ${shownPrefix(prefix)} has ${maxCredentials} credentials already`,
      );
    }
    const sealing = new Sealing(token, 'xks-credential-sealing');
    const sealingKeyId = await sealing.currentKey(transaction);
    if (sealingKeyId === undefined) {
      throw new CommandError(
        'there is no key that seals credentials: `claviger init` makes what is missing',
      );
    }
    await insertCredential(transaction, sealing, { ...credential, prefix, sealingKeyId });
    if (file !== undefined) {
      writeText(file, uploadFile(prefix, credential));
      undo(() => unlink(file));
    }
    record(credentialEvent(config, 'CreateXksCredential', { ...credential, accountId, prefix }));
  });
  return credential;
}

function newCredential(token: Token): NewCredential {
  const letters = [...token.generateRandom(idLength)].map((byte) => base32[byte % base32.length]);
  const secret = token.generateRandom(secretBytes);
  try {
    return { accessKeyId: letters.join(''), secret: new Secret(secret.toString('base64')) };
  } finally {
    secret.fill(0);
  }
}

function revealed({ accessKeyId: AccessKeyId, secret }: NewCredential): {
  AccessKeyId: string;
  RawSecretAccessKey: string;
} {
  return { AccessKeyId, RawSecretAccessKey: secret.revealText() };
}

/** What the console of AWS KMS takes in place of what people would type (XKS proxy API, credentials). */
function uploadFile(prefix: string, credential: NewCredential): string {
  const file = {
    XksProxyUriPath: uriPath(prefix),
    XksProxyAuthenticationCredential: revealed(credential),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** `claviger xks credential list [prefix]`. */
export const listAllCredentials: Command = async (config, options) => {
  const prefix = chosenPrefix(options);
  const credentials = await withDatabase(config, async (database) => {
    await requireChosen(database, prefix);
    return await listCredentials(database, prefix);
  });
  if (options['json'] === true) {
    for (const credential of credentials) printJson(asJson(credential));
    return;
  }
  const heading = ['PREFIX', 'ACCESS KEY ID', 'STATUS', 'CREATED'];
  const cells = credentials.map((one) => [
    ...[shownPrefix(one.prefix), one.accessKeyId, one.status, one.createdAt.toISOString()],
  ]);
  process.stdout.write(`${table([heading, ...cells]).join('\n')}\n`);
};

/** `claviger xks credential enable <prefix> <id>`. */
export const enableCredential: Command = setStatus('ENABLED');

/** `claviger xks credential disable <prefix> <id>`: when it ends, no running daemon takes the credential any more. */
export const disableCredential: Command = setStatus('DISABLED');

function setStatus(status: CredentialRecord['status']): Command {
  return async (config, options) => {
    const credential = named(options);
    await changeRecorded(config, async ({ transaction, record }) => {
      const { accountId } = await requireStore(transaction, credential.prefix);
      requireThere(await setCredentialStatus(transaction, { ...credential, status }), credential);
      const about = { ...credential, accountId, status };
      record(credentialEvent(config, 'UpdateXksCredential', about));
    });
    print(options, {
      json: {
        ...{ Prefix: credential.prefix, AccessKeyId: credential.accessKeyId, Status: status },
      },
      text: `the credential ${credential.accessKeyId} is ${status}`,
    });
  };
}

/** `claviger xks credential delete <prefix> <id>`. */
export const deleteCredential: Command = async (config, options) => {
  const credential = named(options);
  await changeRecorded(config, async ({ transaction, record }) => {
    const { accountId } = await requireStore(transaction, credential.prefix);
    requireThere(await removeCredential(transaction, credential), credential);
    record(credentialEvent(config, 'DeleteXksCredential', { ...credential, accountId }));
  });
  print(options, {
    json: { Prefix: credential.prefix, AccessKeyId: credential.accessKeyId },
    text: `deleted the credential ${credential.accessKeyId}`,
  });
};

type Named = Pick<CredentialRecord, 'prefix' | 'accessKeyId'>;

function named(options: Options): Named {
  return { prefix: storePrefix(options), accessKeyId: accessKeyId(options) };
}

function requireThere(isThere: boolean, { prefix, accessKeyId: id }: Named): void {
  if (isThere) return;
  throw new CommandError(`the external key store ${shownPrefix(prefix)} has no credential ${id}`);
}

function credentialEvent(
  config: Config,
  eventName: string,
  about: Named & { readonly accountId: string; readonly status?: CredentialRecord['status'] },
): ReturnType<typeof changeEvent> {
  const { prefix, accessKeyId: id, accountId, status } = about;
  return changeEvent(config, eventName, {
    accountId,
    details: {
      ...{ xksProxyUriPath: uriPath(prefix), accessKeyId: id },
      ...(status !== undefined && { status }),
    },
  });
}

function asJson({ prefix, accessKeyId: id, status, createdAt }: CredentialRecord): object {
  return { Prefix: prefix, AccessKeyId: id, Status: status, CreationDate: createdAt };
}
