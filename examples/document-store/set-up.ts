import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  EntityAlreadyExistsException,
  IAMClient,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { ClavigerError, createClavigerClient } from '../../clients/typescript/src';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { schema } from './rows';

/** Of the database and its role. */
const databaseName = process.env['DOCUMENT_STORE_DATABASE'] ?? 'document_store';
/** In Claviger. */
const userName = 'document-store';

/** Names and values of an environment. */
type Environment = Readonly<Record<string, string>>;

/**
 * What an administrator does once, by the files of scripts/dev: a database with a role that has nothing else, and a user
 * of Claviger with an API token. What is there stays; the files are for their owner alone.
 */
async function setUp(dataDir: string): Promise<void> {
  const claviger = await readEnvironment(path.join(dataDir, 'claviger.env'));
  const profile = await readEnvironment(path.join(dataDir, 'aws-config'));
  const directory = path.join(dataDir, 'document-store');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = path.join(directory, 'service.env');
  const before = await readEnvironment(file).catch((): Environment => ({}));
  const given = process.env['DATABASE_URL'] ?? '';
  const adminUrl = given === '' ? named(claviger, 'DATABASE_URL') : given;
  const url = named(profile, 'endpoint_url');
  const tokenFile = path.join(directory, 'api-token');
  const databaseUrl = await makeDatabase(adminUrl, before['DOCUMENT_STORE_DATABASE_URL']);
  if (!(await isAccepted(url, tokenFile))) {
    await writePrivate(tokenFile, `${await makeToken(dataDir, url)}\n`);
  }
  const service = {
    DOCUMENT_STORE_DATABASE_URL: databaseUrl,
    CLAVIGER_URL: url,
    CLAVIGER_TOKEN_FILE: tokenFile,
  };
  const lines = Object.entries(service).map(
    ([name, value]) => `${name}=${JSON.stringify(value)}\n`,
  );
  await writePrivate(file, lines.join(''));
}

// --- the database --------------------------------------------------------------------------------

/** Gives the URL of the service's own role, with the password that it had before, if it had one. */
async function makeDatabase(adminUrl: string, before: string | undefined): Promise<string> {
  const password = before === undefined ? '' : decodeURIComponent(new URL(before).password);
  const url = new URL(adminUrl);
  url.username = databaseName;
  url.password = password === '' ? randomBytes(24).toString('base64url') : password;
  url.pathname = `/${databaseName}`;
  await connected(adminUrl, async (admin) => {
    const there = async (text: string): Promise<boolean> =>
      ((await admin.query(text, [databaseName])).rowCount ?? 0) > 0;
    const name = escapeIdentifier(databaseName);
    const login = `role ${name} login password ${escapeLiteral(url.password)}`;
    const hasRole = await there('select from pg_roles where rolname = $1');
    await admin.query(`${hasRole ? 'alter' : 'create'} ${login}`);
    if (await there('select from pg_database where datname = $1')) return;
    // A database's owner must be a role of whoever makes it, where that is no superuser.
    await admin.query(`grant ${name} to current_user`);
    await admin.query(`create database ${name} owner ${name}`);
    await admin.query(`revoke connect, temporary on database ${name} from public`);
  });
  await connected(url.href, (service) => service.query(schema));
  return url.href;
}

async function connected(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

// --- the user of Claviger and its token ----------------------------------------------------------

const keys = 'arn:aws:kms:*:*:key/*';
const ownKeys = { StringEquals: { 'aws:ResourceTag/service': 'document-store' } };

/** All that the service does: with keys that it made itself, and data keys only with a tenant in their context. */
const serving = [
  {
    Effect: 'Allow',
    Action: ['kms:CreateKey', 'kms:TagResource'],
    Resource: '*',
    Condition: { StringEquals: { 'aws:RequestTag/service': 'document-store' } },
  },
  // It tags what it makes. If it could tag what there is, every key could become its own.
  { Effect: 'Deny', Action: 'kms:TagResource', Resource: keys },
  {
    Effect: 'Allow',
    Action: ['kms:GenerateDataKey', 'kms:Decrypt', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'],
    Resource: keys,
    Condition: { ...ownKeys, Null: { 'kms:EncryptionContext:tenant': 'false' } },
  },
  {
    Effect: 'Allow',
    Action: ['kms:DescribeKey', 'kms:ScheduleKeyDeletion'],
    Resource: keys,
    Condition: ownKeys,
  },
];

/** The user may make itself tokens; its token may only serve, so that one that is stolen makes no others. */
const makingTokens = {
  Effect: 'Allow',
  Action: 'claviger:CreateApiToken',
  Resource: 'arn:aws:claviger:*:*:api-token/${aws:userid}/*',
};

const policyOf = (Statement: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement });

/** IAM is AWS's own API here: this could be Terraform or the AWS CLI as well. */
async function makeToken(dataDir: string, url: string): Promise<string> {
  const admin = await readEnvironment(path.join(dataDir, 'credentials'));
  const profile = await readEnvironment(path.join(dataDir, 'aws-config'));
  const region = named(profile, 'region');
  const iam = new IAMClient({
    ...{ endpoint: url, region },
    credentials: {
      accessKeyId: named(admin, 'aws_access_key_id'),
      secretAccessKey: named(admin, 'aws_secret_access_key'),
    },
  });
  const UserName = userName;
  await iam.send(new CreateUserCommand({ UserName })).catch((error: unknown) => {
    if (!(error instanceof EntityAlreadyExistsException)) throw error;
  });
  const PolicyDocument = policyOf([...serving, makingTokens]);
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'serving', PolicyDocument }));
  // A principal makes its tokens itself, so the user has an access key for as long as that takes.
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  const { AccessKeyId = '', SecretAccessKey = '' } = AccessKey ?? {};
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey };
  try {
    const user = createClavigerClient({ baseUrl: url, region, credentials });
    const body = { Name: userName, Policy: policyOf(serving) };
    const { data } = await user.POST('/v1/api-tokens', { body });
    return data.Token;
  } finally {
    await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
  }
}

/** Whether Claviger knows the token. What it may do is another question: this it may not. */
async function isAccepted(url: string, tokenFile: string): Promise<boolean> {
  const token = await readFile(tokenFile, 'utf8').catch(() => '');
  if (token === '') return false;
  const client = createClavigerClient({ baseUrl: url, token: token.trim() });
  try {
    await client.GET('/v1/keys');
    return true;
  } catch (error) {
    if (!(error instanceof ClavigerError) || error.status === undefined) throw error;
    return error.status !== 401;
  }
}

// --- files ---------------------------------------------------------------------------------------

/** NAME=value lines, as of a .env file, or of the one profile of a file of the AWS CLI. */
async function readEnvironment(file: string): Promise<Environment> {
  const text = await readFile(file, 'utf8');
  return parseEnv(text.replace(/^\[.*\]$/m, '')) as Environment;
}

function named(environment: Environment, name: string): string {
  const value = environment[name];
  if (value === undefined) throw new Error(`scripts/dev has left no ${name}`);
  return value;
}

/** Whole or not at all, and never readable to others, not even for a moment. */
async function writePrivate(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

setUp(path.resolve(process.env['CLAVIGER_DATA_DIR'] ?? '.claviger')).catch((error: unknown) => {
  process.stderr.write(`document-store: ${error instanceof Error ? error.message : 'failed'}\n`);
  process.exitCode = 1;
});
