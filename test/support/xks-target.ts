import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { KMSClient } from '@aws-sdk/client-kms';
import { makeCertificate } from './certificates';
import { type TestDaemon, commandLine, startDaemon } from './daemon';
import { end, ready, startDevServer } from './dev-server';
import { cloneDatabase } from './postgres';
import { until } from './until';
import { XksCaller, type XksCredential } from './xks-client';

/** A Claviger whose XKS proxy is asked over TLS, and its command line. */
export interface XksTarget {
  /** `https://127.0.0.1:<port>` */
  readonly endpoint: string;
  /** PEM: what its certificate is believed by. */
  readonly ca: string;
  readonly region: string;
  /** Of the KMS API. */
  readonly kms: KMSClient;
  /** Undefined of one that scripts/dev serves. */
  readonly daemon: TestDaemon | undefined;
  /** Runs `claviger xks <args> --json` and gives what it printed. */
  run(...args: string[]): Promise<Readonly<Record<string, string>>>;
  remove(): Promise<void>;
}

/** The data directory of a scripts/dev that runs: the conformance suite is run against that one. */
const runningDirectory = process.env['CLAVIGER_TEST_XKS_DATA_DIR'];

/** What scripts/dev serves to whoever tries Claviger out: one that runs already, or one of the test's own. */
export function openXksTarget(): Promise<XksTarget> {
  return runningDirectory === undefined ? startDev() : Promise.resolve(devTarget(runningDirectory));
}

/** No bound of time is met by accident. */
const patient = { CLAVIGER_XKS_DEADLINE_MS: '15000' };

/** A daemon of the test's own, with an XKS port and a certificate. */
export async function startTarget(environment: NodeJS.ProcessEnv = {}): Promise<XksTarget> {
  const directory = mkdtempSync(path.join(tmpdir(), 'claviger-xks-'));
  const { certFile, keyFile } = makeCertificate(directory, 'xks.example');
  const daemon = await startDaemon({
    environment: {
      CLAVIGER_XKS_PORT: '0',
      CLAVIGER_XKS_TLS_CERT_FILE: certFile,
      CLAVIGER_XKS_TLS_KEY_FILE: keyFile,
      ...patient,
      ...environment,
    },
  });
  let port: unknown;
  // The log may be read after it is known to be ready.
  await until('the port of the XKS proxy in the log', () => {
    port = daemon.log.find(({ xksPort }) => xksPort !== undefined)?.['xksPort'];
    return port !== undefined;
  });
  return {
    endpoint: `https://127.0.0.1:${String(port)}`,
    ca: readFileSync(certFile, 'utf8'),
    region: daemon.region,
    kms: daemon.client(),
    daemon,
    run: async (...args) => parse(await daemon.run('xks', ...args, '--json')),
    remove: async () => {
      await daemon.remove();
      await rm(directory, { recursive: true });
    },
  };
}

/** scripts/dev on a directory of its own; a clone of the run's template saves it a Postgres. */
async function startDev(): Promise<XksTarget> {
  const directory = mkdtempSync(path.join(tmpdir(), 'claviger-xks-dev-'));
  const database = await cloneDatabase();
  const dev = startDevServer(directory, {
    CLAVIGER_XKS_PORT: '0',
    // What a command changes has to reach more than the worker that answers next.
    CLAVIGER_WORKERS: '2',
    DATABASE_URL: database.url,
    ...patient,
  });
  await ready(dev);
  const target = devTarget(directory);
  return {
    ...target,
    remove: async () => {
      target.kms.destroy();
      await end(dev.process, 'SIGTERM');
      await Promise.all([database.drop(), rm(directory, { recursive: true })]);
    },
  };
}

/** By the files that scripts/dev leaves in its data directory. */
function devTarget(directory: string): XksTarget {
  const read = (name: string): string => readFileSync(path.join(directory, name), 'utf8');
  const [config, credentials] = [
    readSettings(read('aws-config')),
    readSettings(read('credentials')),
  ];
  const region = config('region');
  return {
    endpoint: read('xks-endpoint').trim(),
    ca: read('xks-tls/ca.crt'),
    region,
    kms: new KMSClient({
      region,
      endpoint: config('endpoint_url'),
      credentials: {
        accessKeyId: credentials('aws_access_key_id'),
        secretAccessKey: credentials('aws_secret_access_key'),
      },
    }),
    daemon: undefined,
    run: async (...args) => {
      const env = { PATH: process.env['PATH'], CLAVIGER_DATA_DIR: directory };
      const command = [commandLine, 'xks', ...args, '--json'];
      return parse((await promisify(execFile)(process.execPath, command, { env })).stdout);
    },
    remove: () => Promise.resolve(),
  };
}

/** Of lines `name = value`. */
function readSettings(text: string): (name: string) => string {
  const pairs = text.split('\n').map((line): [string, string] => {
    const at = line.indexOf('=');
    return [line.slice(0, Math.max(at, 0)).trim(), line.slice(at + 1).trim()];
  });
  const settings = new Map(pairs);
  return (name) => settings.get(name) ?? '';
}

function parse(printed: string): Readonly<Record<string, string>> {
  return JSON.parse(printed) as Readonly<Record<string, string>>;
}

/** Another credential of a store. */
export async function issueCredential(target: XksTarget, prefix: string): Promise<XksCredential> {
  const { AccessKeyId, RawSecretAccessKey } = await target.run('credential', 'create', prefix);
  if (AccessKeyId === undefined || RawSecretAccessKey === undefined) {
    throw new Error('a credential was made and not shown');
  }
  return { accessKeyId: AccessKeyId, secret: RawSecretAccessKey };
}

/** Makes a store with a credential, and gives AWS KMS as it calls that. Its prefix is one that no earlier run has used. */
export async function makeStore(
  target: XksTarget,
  name: string,
  ...options: readonly string[]
): Promise<XksCaller> {
  const prefix = `/${name}-${randomBytes(4).toString('hex')}`;
  await target.run('store', 'create', prefix, ...options);
  return new XksCaller(target, prefix, await issueCredential(target, prefix));
}

/** An external key of the store, and the KMS key behind it. */
export async function makeKey(
  target: XksTarget,
  { prefix }: XksCaller,
  externalKeyId: string,
  ...options: readonly string[]
): Promise<string> {
  const { KeyId = '' } = await target.run('key', 'create', prefix, externalKeyId, ...options);
  return KeyId;
}
