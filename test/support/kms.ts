import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  CreateKeyCommand,
  type CreateKeyCommandInput,
  KMSClient,
  KMSServiceException,
} from '@aws-sdk/client-kms';
import { Client } from 'pg';
import type { TestCredentials, TestDaemon } from './daemon';
import { administer } from './postgres';

const commandLine = path.join(__dirname, '..', '..', 'src', 'cli', 'claviger.js');

export interface NewKey {
  readonly id: string;
  readonly arn: string;
}

export async function createKey(
  kms: KMSClient,
  input: CreateKeyCommandInput = {},
): Promise<NewKey> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand(input));
  const { KeyId: id, Arn: arn } = KeyMetadata ?? {};
  if (id === undefined || arn === undefined) throw new Error('CreateKey answered without a key');
  return { id, arn };
}

/** What the SDK made of a refusal. */
export interface SdkRefusal {
  readonly code: string;
  /** Empty where the answer has none, which the SDK calls UnknownError. */
  readonly message: string;
  readonly status: number | undefined;
}

export async function sdkRefusal(sending: Promise<unknown>): Promise<SdkRefusal> {
  try {
    await sending;
  } catch (error) {
    if (!(error instanceof KMSServiceException)) throw error;
    const message = error.message === 'UnknownError' ? '' : error.message;
    return { code: error.name, message, status: error.$metadata.httpStatusCode };
  }
  throw new Error('the request was not refused');
}

/** Puts a key into any state, of which operations lead to some. */
export async function putIntoState(daemon: TestDaemon, id: string, state: string): Promise<void> {
  const deletionDate = state === 'PendingDeletion' ? "now() + interval '7 days'" : 'null';
  const sql = `update kms_key set state = '${state}', deletion_date = ${deletionDate} where key_id = $1`;
  await changeAndAnnounce(daemon, { topic: 'key', id, sql });
}

/** Another account in the same daemon's database. */
export function otherAccount(daemon: TestDaemon, accountId: string): Promise<TestCredentials> {
  return issue({ ...daemon.environment, CLAVIGER_ACCOUNT_ID: accountId }, ['init']);
}

export function clientOf(daemon: TestDaemon, credentials: TestCredentials): KMSClient {
  const { endpoint, region } = daemon;
  return new KMSClient({ endpoint, region, credentials, maxAttempts: 1 });
}

let changes = 0;

/** Changes the database as an operator's tool does, and waits until a worker has dropped what it knew of it. */
export async function changeAndAnnounce(
  daemon: TestDaemon,
  change: { readonly topic: string; readonly id: string; readonly sql: string },
): Promise<void> {
  const number = `operator.${(changes += 1)}`;
  const client = new Client({ connectionString: daemon.databaseUrl });
  await client.connect();
  try {
    await client.query('listen claviger_ack');
    const acknowledged = new Promise<void>((resolve) => {
      client.on('notification', ({ payload }) => {
        if (payload?.split(' ').includes(number) === true) resolve();
      });
    });
    await client.query('begin');
    await client.query(change.sql, [change.id]);
    const announcement = `${number} ${change.topic} ${change.id}`;
    await client.query("select pg_notify('claviger_change', $1)", [announcement]);
    await client.query('commit');
    await acknowledged;
  } finally {
    await client.end();
  }
}

/** A record of the audit, as far as tests look into it. */
export interface AuditRow {
  readonly eventName: string;
  readonly requestID: string;
  readonly eventID: string;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly userIdentity: Readonly<Record<string, string>>;
  readonly requestParameters: Readonly<Record<string, unknown>> | null;
  readonly responseElements: Readonly<Record<string, unknown>> | null;
  readonly additionalEventData?: Readonly<Record<string, unknown>>;
  readonly resources: readonly Readonly<Record<string, string>>[];
  readonly readOnly: boolean;
}

/** Every record, as text. */
export async function auditTexts(daemon: TestDaemon): Promise<string[]> {
  const rows = await administer<{ record: string }>(
    daemon.databaseUrl,
    'select record from audit_record order by writer, seq',
  );
  return rows.map(({ record }) => record);
}

/** The record of a request; exactly one is expected. */
export async function auditOf(daemon: TestDaemon, requestId: string): Promise<AuditRow> {
  const records = (await auditTexts(daemon)).map((text) => JSON.parse(text) as AuditRow);
  const own = records.filter(({ requestID }) => requestID === requestId);
  const [record] = own;
  if (record === undefined || own.length > 1) {
    throw new Error(`request ${requestId} has ${own.length} audit records`);
  }
  return record;
}

async function issue(env: NodeJS.ProcessEnv, args: readonly string[]): Promise<TestCredentials> {
  const command = [commandLine, ...args];
  const { stdout } = await promisify(execFile)(process.execPath, command, { env });
  const key = JSON.parse(stdout) as Record<'AccessKeyId' | 'SecretAccessKey', string>;
  return { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey };
}
