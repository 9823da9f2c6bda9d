import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DescribeKeyCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { requiredMechanisms } from '../../hsm';
import { type Environment, run, serve } from '../dev-server/commands';
import { daemonEnvironment } from '../dev-server/environment';
import { provisionSoftHsm, type SoftHsmToken } from '../dev-server/softhsm';
import { startPostgres } from '../postgres';
import { makePrivateDirectory } from '../dev-server/files';
import type { Identity } from './load/signer';
import { childrenOf, descendantsOf, programOf } from './processes';
import { optionsVariable, type YardstickOptions } from './yardstick';

/** A server that is measured. */
export interface Contender {
  readonly name: 'Claviger' | 'yardstick';
  readonly port: number;
  readonly keyId: string;
  /** Process ids of its workers. */
  readonly workers: readonly number[];
}

/** Everything that takes part, on one machine. */
export interface Site {
  readonly token: SoftHsmToken;
  /** Of the one key, in the token. */
  readonly tokenKeyId: string;
  readonly identity: Identity;
  readonly daemon: Contender;
  readonly yardstick: Contender;
  readonly databaseUrl: string;
  /** Process ids of the database's processes, as they are now. */
  postgresProcesses(): number[];
}

export interface SiteOptions {
  readonly workers: number;
  /** Directory for CPU profiles of all workers. */
  readonly profile: string | undefined;
}

type Cleanup = () => unknown;

const accountId = '111122223333';
const region = 'us-east-1';
const softHsm = '/usr/lib/softhsm/libsofthsm2.so';
const label = 'claviger-bench';

/** Starts it all, runs `use`, and stops and deletes it all, whatever happens. */
export async function withSite(
  options: SiteOptions,
  use: (site: Site) => Promise<void>,
): Promise<void> {
  const cleanups: Cleanup[] = [];
  try {
    await use(await openSite(options, (step) => cleanups.push(step)));
  } finally {
    for (const step of cleanups.reverse()) await step();
  }
}

async function openSite(options: SiteOptions, onClose: (step: Cleanup) => void): Promise<Site> {
  const directory = mkdtempSync(path.join(tmpdir(), 'claviger-bench-'));
  onClose(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  // As root the database runs under another account, which must pass through here.
  chmodSync(directory, 0o711);
  const postgres = await startPostgres({ dataDir: path.join(directory, 'postgres') });
  onClose(() => postgres.stop());
  const postmaster = descendantsOf(process.pid).find((pid) => programOf(pid) === 'postgres');
  if (postmaster === undefined) throw new Error('the database has no process');
  const home = path.join(directory, 'claviger');
  makePrivateDirectory(home);
  const token = provisionSoftHsm({
    ...{ module: softHsm, label, mechanisms: requiredMechanisms },
    directory: path.join(home, 'token'),
  });
  const log = createWriteStream(path.join(home, 'log'), { flags: 'a', mode: 0o600 });
  await once(log, 'open');
  onClose(() => log.destroy());
  const settings = {
    ...{ accountId, region, token, dataDir: home, port: 0 },
    databaseUrl: postgres.url,
  };
  const environment = {
    ...daemonEnvironment(settings, process.env),
    CLAVIGER_WORKERS: String(options.workers),
  };
  await run(['migrate'], environment, log);
  const issued = JSON.parse(await run(['init'], environment, log)) as IssuedAccessKey;
  const identity = {
    ...{ region, accessKeyId: issued.AccessKeyId },
    secretAccessKey: issued.SecretAccessKey,
  };
  const daemon = serve({ ...environment, ...profiling(options.profile) }, log);
  onClose(() => daemon.stop());
  const port = Number(new URL(await daemon.ready).port);
  const key = await createKey(port, identity);
  const yardstick = await startYardstick(
    {
      ...{ module: softHsm, label, region, pinFile: token.pinFile, databaseUrl: postgres.url },
      ...{ workers: options.workers, tokenKeyId: key.tokenKeyId },
      secretAccessKey: identity.secretAccessKey,
      principal: {
        ...{ kind: 'root', accountId, arn: issued.Arn, principalId: accountId },
        ...{ userName: undefined, accessKeyId: identity.accessKeyId },
      },
    },
    { environment: { SOFTHSM2_CONF: token.conf, ...profiling(options.profile) }, onClose },
  );
  return {
    ...{ token, identity, tokenKeyId: key.tokenKeyId, yardstick, databaseUrl: postgres.url },
    daemon: { name: 'Claviger', port, keyId: key.keyId, workers: workersOf(daemon.pid) },
    postgresProcesses: () => [postmaster, ...childrenOf(postmaster)],
  };
}

function profiling(directory: string | undefined): Environment {
  if (directory === undefined) return {};
  return {
    CLAVIGER_BENCH_PROFILE: path.resolve(directory),
    NODE_OPTIONS: `--require ${path.join(__dirname, 'profile.js')}`,
  };
}

interface IssuedAccessKey {
  readonly Arn: string;
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
}

/** The keeper's child that has children of its own is the primary. */
function workersOf(keeper: number | undefined): number[] {
  if (keeper === undefined) throw new Error('the daemon has no process');
  return childrenOf(keeper).flatMap(childrenOf);
}

async function createKey(
  port: number,
  identity: Identity,
): Promise<{ keyId: string; tokenKeyId: string }> {
  const kms = new KMSClient({
    endpoint: `http://127.0.0.1:${port}`,
    region,
    credentials: identity,
  });
  const created = await kms.send(new CreateKeyCommand({ Description: 'bench' }));
  const KeyId = created.KeyMetadata?.KeyId;
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
  kms.destroy();
  const tokenKeyId = KeyMetadata?.CurrentKeyMaterialId;
  if (KeyId === undefined || tokenKeyId === undefined) throw new Error('no key was made');
  return { keyId: KeyId, tokenKeyId };
}

async function startYardstick(
  options: YardstickOptions,
  {
    environment,
    onClose,
  }: { readonly environment: Environment; readonly onClose: (step: Cleanup) => void },
): Promise<Contender> {
  const child = fork(path.join(__dirname, 'yardstick.js'), [], {
    env: { ...process.env, ...environment, [optionsVariable]: JSON.stringify(options) },
  });
  onClose(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.disconnect();
    await once(child, 'exit');
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error('the yardstick could not start');
  });
  const [port] = (await Promise.race([once(child, 'message'), ended])) as [number];
  const workers = child.pid === undefined ? [] : childrenOf(child.pid);
  return { name: 'yardstick', port, keyId: options.tokenKeyId, workers };
}
