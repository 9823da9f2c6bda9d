import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { CreateAliasCommand, CreateKeyCommand } from '@aws-sdk/client-kms';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../auth/sigv4-signing';
import { type TestDaemon, type TestDaemonOptions, startDaemon } from '../support/daemon';
import { administer } from '../support/postgres';

export interface Answer {
  readonly status: number;
  readonly requestId: string;
  readonly headers: IncomingHttpHeaders;
  /** The body as it is; an operation without an output sends none. */
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A whole daemon to send bad requests to, with one key and one alias in it. */
export interface Target {
  readonly daemon: TestDaemon;
  readonly keyId: string;
  readonly keyArn: string;
  readonly aliasName: string;
  /** Signs and sends. A body that is no string or Buffer is written as JSON. */
  send(operation: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** The header lines of a properly signed request, for tests that write the bytes themselves. */
  sign(
    operation: string,
    body: string | Buffer,
    headers?: Record<string, string>,
  ): Promise<Record<string, string>>;
  /** Everything that a request could have changed: rows, token objects, processes. */
  state(): Promise<unknown>;
  /** Request ids of the audit records, each as often as it is recorded. */
  audited(): Promise<string[]>;
  close(): Promise<void>;
}

export const contentType = 'application/x-amz-json-1.1';

/** What a client may send and forget; the connection must not outlive the test. */
const answerTimeoutMs = 10_000;

const tables = ['account', 'principal', 'access_key', 'system_key', 'kms_key', 'key_material'];

const furtherTables = [
  ...['key_tag', 'alias', 'kms_grant', 'custom_key_store', 'api_token', 'idempotent_request'],
];

export async function startTarget(options: TestDaemonOptions = {}): Promise<Target> {
  const daemon = await startDaemon(options);
  const kms = daemon.client();
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'the only one' }));
  const keyId = KeyMetadata?.KeyId ?? '';
  const aliasName = 'alias/target';
  await kms.send(new CreateAliasCommand({ AliasName: aliasName, TargetKeyId: keyId }));
  kms.destroy();
  const agent = new Agent({ keepAlive: true });
  const sign: Target['sign'] = (operation, body, headers = {}) =>
    signedHeaders(daemon, { operation, body, headers });
  return {
    daemon,
    keyId,
    keyArn: KeyMetadata?.Arn ?? '',
    aliasName,
    sign,
    send: async (operation, body, headers = {}) => {
      const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      return exchange({ daemon, agent, bytes, headers: await sign(operation, bytes, headers) });
    },
    state: () => stateOf(daemon),
    audited: async () => {
      const rows = await administer<{ id: string }>(
        daemon.databaseUrl,
        `select record::json ->> 'requestID' as id from audit_record order by recorded_at, seq`,
      );
      return rows.map(({ id }) => id);
    },
    close: async () => {
      agent.destroy();
      await daemon.remove();
    },
  };
}

async function signedHeaders(
  daemon: TestDaemon,
  given: { operation: string; body: string | Buffer; headers: Record<string, string> },
): Promise<Record<string, string>> {
  const signer = new SignatureV4({
    credentials: daemon.credentials,
    region: daemon.region,
    service: 'kms',
    sha256: Sha256,
  });
  const { headers } = await signer.sign({
    method: 'POST',
    protocol: 'http:',
    hostname: '127.0.0.1',
    port: daemon.port,
    path: '/',
    query: {},
    headers: {
      host: `127.0.0.1:${daemon.port}`,
      'content-type': contentType,
      'x-amz-target': `TrentService.${given.operation}`,
      ...given.headers,
    },
    body: given.body,
  });
  return headers;
}

function exchange(given: {
  daemon: TestDaemon;
  agent: Agent;
  bytes: string | Buffer;
  headers: Record<string, string>;
}): Promise<Answer> {
  const { daemon, agent, bytes, headers } = given;
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      ...{ host: '127.0.0.1', port: daemon.port, method: 'POST', path: '/', agent },
      headers: { ...headers, 'content-length': Buffer.byteLength(bytes) },
      timeout: answerTimeoutMs,
    });
    request.on('timeout', () => request.destroy(new Error('no answer came in time')));
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          requestId: String(response.headers['x-amzn-requestid']),
          headers: response.headers,
          text,
          body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
        });
      });
    });
    request.end(bytes);
  });
}

async function stateOf(daemon: TestDaemon): Promise<unknown> {
  const rows = [...tables, ...furtherTables].map(
    (table) => `(select json_agg(t order by t::text) from ${table} t) as "${table}"`,
  );
  const [database] = await administer(daemon.databaseUrl, `select ${rows.join(', ')}`);
  const files = await readdir(daemon.token.tokenDir, { recursive: true });
  return {
    database,
    tokenObjects: files.filter((file) => file.endsWith('.object')).sort(),
    processes: processesOf(daemon),
  };
}

/** The primary and its workers: a worker that died would have been replaced by one of another pid. */
export function processesOf(daemon: TestDaemon): string[] {
  const { pid, exitCode, signalCode } = daemon.process;
  if (pid === undefined || exitCode !== null || signalCode !== null) return [];
  const workers = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return [String(pid), ...workers.trim().split(' ')];
}
