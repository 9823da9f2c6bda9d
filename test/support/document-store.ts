import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv, promisify } from 'node:util';
import type { TestDaemon } from './daemon';
import { administer } from './postgres';

const programs = path.resolve(__dirname, '..', '..', 'examples', 'document-store');

/** A process of examples/document-store. */
export interface DocumentStore {
  readonly url: string;
  readonly process: ChildProcess;
  /** Its log so far, as text. */
  log(): string;
  call(method: string, target: string, body?: string): Promise<StoreAnswer>;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
}

export interface StoreAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, where it is JSON. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** What its set-up made beside a daemon. */
export interface DocumentStoreSite {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The API token. */
  token(): Promise<string>;
  setUp(): Promise<void>;
  start(settings?: Readonly<Record<string, string>>): Promise<DocumentStore>;
  /** Stops what it started, and drops what it made in Postgres. */
  remove(): Promise<void>;
}

/** Sets the document store up beside a daemon, by the files that scripts/dev would have left. */
export async function documentStoreSite(daemon: TestDaemon): Promise<DocumentStoreSite> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'claviger-documents-'));
  const name = `document_store_${randomBytes(6).toString('hex')}`;
  const { credentials, endpoint, region, databaseUrl } = daemon;
  const files = {
    'claviger.env': `DATABASE_URL=${databaseUrl}\nCLAVIGER_REGION=${region}\n`,
    'aws-config': `[default]\nregion = ${region}\noutput = json\nendpoint_url = ${endpoint}\n`,
    credentials: `[default]\naws_access_key_id = ${credentials.accessKeyId}\naws_secret_access_key = ${credentials.secretAccessKey}\n`,
  };
  for (const [file, text] of Object.entries(files)) await writeFile(path.join(dataDir, file), text);
  const env = {
    PATH: process.env['PATH'],
    CLAVIGER_DATA_DIR: dataDir,
    DOCUMENT_STORE_DATABASE: name,
  };
  const setUp = async (): Promise<void> => {
    await promisify(execFile)(process.execPath, [path.join(programs, 'set-up.js')], { env });
  };
  await setUp();
  const directory = path.join(dataDir, 'document-store');
  const saved = await readFile(path.join(directory, 'service.env'), 'utf8');
  const environment = parseEnv(saved) as Record<string, string>;
  const started: DocumentStore[] = [];
  return {
    directory,
    environment,
    setUp,
    token: async () => (await readFile(path.join(directory, 'api-token'), 'utf8')).trim(),
    start: async (settings = {}) => {
      const store = await startDocumentStore({ ...environment, ...settings });
      started.push(store);
      return store;
    },
    remove: async () => {
      for (const store of started) await store.stop();
      await administer(databaseUrl, `drop database ${name} with (force)`);
      await administer(databaseUrl, `drop role ${name}`);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function startDocumentStore(
  environment: Readonly<Record<string, string>>,
): Promise<DocumentStore> {
  const child = spawn(process.execPath, [path.join(programs, 'main.js')], {
    env: { PATH: process.env['PATH'], DOCUMENT_STORE_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, log] = ['', ''];
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (log += String(chunk)));
  const form = /^document-store is ready at (\S+)$/m;
  while (!form.test(output)) {
    if (child.exitCode !== null) throw new Error(`The document store ended: ${log}`);
    await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  }
  const url = form.exec(output)?.[1] ?? '';
  return {
    url,
    process: child,
    log: () => log,
    call: (method, target, body) => {
      const type = method === 'POST' ? 'application/json' : 'text/plain';
      const sent = body && { body, headers: { 'content-type': type } };
      return callStore(url + target, { method, ...sent });
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'close');
      }
      return child.exitCode;
    },
  };
}

/** A request to it, of which a test says everything. */
export async function callStore(url: string, init: RequestInit): Promise<StoreAnswer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  const json = isJson ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { status: response.status, headers: response.headers, text, json };
}
