import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms';
import { requiredMechanisms } from '../../hsm';
import { type TestCredentials, makeInitialised, runInit } from './initialised';
import { cloneDatabase } from './postgres';
import { accountId, commandLine, region, settingsOf } from './settings';
import { type SoftHsm, makeSoftHsm } from './softhsm';

export { type TestCredentials } from './initialised';
export { commandLine } from './settings';

/** A whole Claviger: `claviger serve` as a process of its own, on its own token, database and port. */
export interface TestDaemon {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly port: number;
  /** Of the XKS proxy and of its ping, where they have ports of their own. */
  readonly xks: { readonly endpoint: string | undefined; readonly ping: string | undefined };
  readonly accountId: string;
  readonly region: string;
  readonly credentials: TestCredentials;
  /** The primary. */
  readonly process: ChildProcess;
  readonly token: SoftHsm;
  readonly databaseUrl: string;
  /** What the daemon's own commands need to find the same token and database. */
  readonly environment: NodeJS.ProcessEnv;
  /** Each line that the daemon logged, parsed. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** An AWS SDK client with the account's credentials that repeats nothing, and what a test wants different. */
  client(different?: KMSClientConfig): KMSClient;
  /** Runs `claviger <args>` with this daemon's settings and gives its standard output. */
  run(...args: string[]): Promise<string>;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
  /** Stops it, and deletes token and database, where they are its own. */
  remove(): Promise<void>;
}

export interface TestDaemonOptions {
  readonly workers?: number;
  /** More settings, as environment variables. */
  readonly environment?: NodeJS.ProcessEnv;
  /** A Postgres of the test's own; without it a clone of the run's template. */
  readonly databaseUrl?: string;
  /** Another daemon, whose token, database and account this one serves too, as on a second machine. */
  readonly beside?: TestDaemon;
}

/** Bounds of time that no request may meet because the machine has much to do. A test of one of them sets its own. */
const patient = {
  CLAVIGER_DATABASE_CONNECT_TIMEOUT_MS: '15000',
  CLAVIGER_DATABASE_STATEMENT_TIMEOUT_MS: '15000',
  CLAVIGER_TOKEN_DEADLINE_MS: '15000',
  CLAVIGER_XKS_DEADLINE_MS: '15000',
};

/** Starts a daemon and waits until it says that it is ready. Call `remove` in the end. */
export async function startDaemon(options: TestDaemonOptions = {}): Promise<TestDaemon> {
  const stores = await storesOf(options);
  const { token, databaseUrl } = stores;
  const home = await mkdtemp(path.join(tmpdir(), 'claviger-daemon-'));
  const environment: NodeJS.ProcessEnv = {
    ...settingsOf(token, databaseUrl),
    CLAVIGER_DATA_DIR: home,
    CLAVIGER_PORT: '0',
    CLAVIGER_WORKERS: String(options.workers ?? 1),
    ...patient,
    ...options.environment,
  };
  const run = async (...args: string[]): Promise<string> => {
    const command = [commandLine, ...args];
    return (await promisify(execFile)(process.execPath, command, { env: environment })).stdout;
  };
  // A clone comes migrated.
  if (options.databaseUrl !== undefined) await run('migrate');
  const credentials = stores.credentials ?? (await runInit(environment));
  const { child, log, endpoint, xks } = await serve(environment);
  const stop = async (): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    child.kill('SIGTERM');
    await once(child, 'exit');
    return child.exitCode;
  };
  return {
    endpoint,
    port: Number(new URL(endpoint).port),
    xks,
    accountId,
    region,
    credentials,
    process: child,
    token,
    databaseUrl,
    environment,
    log,
    client: (different = {}) =>
      new KMSClient({
        ...{ endpoint, region, credentials, maxAttempts: 1 },
        // Every request must get an answer: one without is told from a slow one by this.
        requestHandler: { requestTimeout: 20_000, throwOnRequestTimeout: true },
        ...different,
      }),
    run,
    stop,
    remove: async () => {
      await stop();
      await Promise.all([stores.removeBoth(), rm(home, { recursive: true, force: true })]);
    },
  };
}

interface Stores {
  readonly token: SoftHsm;
  readonly databaseUrl: string;
  /** Undefined before `claviger init`. */
  readonly credentials: TestCredentials | undefined;
  removeBoth(): Promise<unknown>;
}

/** What `claviger init` makes depends on these. */
const initialSettings = ['CLAVIGER_ACCOUNT_ID', 'CLAVIGER_KEY_MATERIAL', 'CLAVIGER_REGION'];

async function storesOf(options: TestDaemonOptions): Promise<Stores> {
  const { beside, databaseUrl, environment = {} } = options;
  if (beside !== undefined) {
    const { token, databaseUrl: shared, credentials } = beside;
    return { token, databaseUrl: shared, credentials, removeBoth: () => Promise.resolve() };
  }
  if (databaseUrl === undefined && !initialSettings.some((name) => name in environment)) {
    const { token, database, credentials } = await makeInitialised();
    const removeBoth = (): Promise<unknown> => Promise.all([token.remove(), database.drop()]);
    return { token, databaseUrl: database.url, credentials, removeBoth };
  }
  const token = await makeSoftHsm({ mechanisms: requiredMechanisms });
  const database = databaseUrl === undefined ? await cloneDatabase() : undefined;
  return {
    token,
    databaseUrl: databaseUrl ?? database?.url ?? '',
    credentials: undefined,
    removeBoth: () => Promise.all([token.remove(), database?.drop()]),
  };
}

interface Served extends Pick<TestDaemon, 'endpoint' | 'xks'> {
  readonly child: ChildProcess;
  readonly log: Record<string, unknown>[];
}

/** What `claviger serve` prints of where it listens; the last line is that of a daemon that is ready. */
const addressLines = {
  xks: /^claviger serves XKS at (\S+)$/,
  ping: /^claviger serves the XKS ping at (\S+)$/,
  ready: /^claviger is ready at (\S+)$/,
} as const;

/** Another `claviger serve`, on what a daemon's environment names. Resolves when it is ready; end its process yourself. */
export async function serve(env: NodeJS.ProcessEnv): Promise<Served> {
  const child = spawn(process.execPath, [commandLine, 'serve'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: Record<string, unknown>[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(parseLine(line)));
  const ready = new Promise<Pick<Served, 'endpoint' | 'xks'>>((resolve, reject) => {
    const found = new Map<string, string>();
    createInterface({ input: child.stdout }).on('line', (line) => {
      for (const [name, form] of Object.entries(addressLines)) {
        const url = form.exec(line)?.[1];
        if (url !== undefined) found.set(name, url);
      }
      const endpoint = found.get('ready');
      const xks = { endpoint: found.get('xks'), ping: found.get('ping') };
      if (endpoint !== undefined) resolve({ endpoint, xks });
    });
    child.once('exit', () => {
      reject(new Error(`claviger serve ended before it was ready: ${JSON.stringify(log)}`));
    });
  });
  return { child, log, ...(await ready) };
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { text: line };
  }
}
