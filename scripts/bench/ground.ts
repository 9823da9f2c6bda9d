import { once } from 'node:events';
import { chmodSync, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requiredMechanisms } from '../../hsm';
import { type Environment, type LogTarget, run, serve } from '../dev-server/commands';
import { daemonEnvironment } from '../dev-server/environment';
import { makePrivateDirectory } from '../dev-server/files';
import { provisionSoftHsm, type SoftHsmToken } from '../dev-server/softhsm';
import { startPostgres } from '../postgres';
import type { Identity } from './load/signer';
import { childrenOf, descendantsOf, programOf } from './processes';

export const accountId = '111122223333';
export const region = 'us-east-1';
export const softHsm = '/usr/lib/softhsm/libsofthsm2.so';
export const label = 'claviger-bench';

export type Cleanup = () => unknown;

/** What a daemon stands on: a token, a database and an account of its own, and nothing that runs but the database. */
export interface Ground {
  readonly token: SoftHsmToken;
  readonly databaseUrl: string;
  /** Its own, below which everything is deleted in the end. */
  readonly home: string;
  /** Of every claviger process. */
  readonly environment: Environment;
  /** The account's root. */
  readonly identity: Identity;
  readonly rootArn: string;
  /** Process ids of the database's processes, as they are now. */
  postgresProcesses(): number[];
  /** Runs a command of the command line, and returns what it printed. */
  run(...args: readonly string[]): Promise<string>;
  /** A daemon, when it serves. */
  serve(different?: Environment): Promise<ServedDaemon>;
}

export interface ServedDaemon {
  readonly port: number;
  /** Of the XKS proxy, where it has one of its own. */
  readonly xksPort: number | undefined;
  /** Process ids. */
  readonly workers: readonly number[];
  stop(): Promise<void>;
}

interface IssuedAccessKey {
  readonly Arn: string;
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
}

/** Makes it all below a temporary directory. `different` settings are those of every claviger process. */
export async function openGround(
  different: Environment,
  onClose: (step: Cleanup) => void,
): Promise<Ground> {
  const directory = mkdtempSync(path.join(tmpdir(), 'claviger-bench-'));
  onClose(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  // As root the database runs under another account, which must pass through here.
  chmodSync(directory, 0o711);
  const before = descendantsOf(process.pid);
  const postgres = await startPostgres({ dataDir: path.join(directory, 'postgres') });
  onClose(() => postgres.stop());
  const postmaster = descendantsOf(process.pid).find(
    (pid) => programOf(pid) === 'postgres' && !before.includes(pid),
  );
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
    ...{ accountId, region, token, dataDir: home, port: 0, databaseUrl: postgres.url },
    keyMaterial: 'resident' as const,
  };
  const environment = { ...daemonEnvironment(settings, process.env), ...different };
  await run(['migrate'], environment, log);
  const issued = JSON.parse(await run(['init'], environment, log)) as IssuedAccessKey;
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey } = issued;
  return {
    ...{ token, home, databaseUrl: postgres.url, environment, rootArn: issued.Arn },
    identity: { region, accessKeyId, secretAccessKey },
    postgresProcesses: () => [postmaster, ...childrenOf(postmaster)],
    run: (...args) => run(args, environment, log),
    serve: async (more = {}) => {
      const daemon = await startServing({ ...environment, ...more }, log);
      onClose(() => daemon.stop());
      return daemon;
    },
  };
}

async function startServing(environment: Environment, log: LogTarget): Promise<ServedDaemon> {
  const daemon = serve(environment, log);
  const { url, xksUrl } = await daemon.ready;
  const port = Number(new URL(url).port);
  const xksPort = xksUrl === undefined ? undefined : Number(new URL(xksUrl).port);
  // The keeper's child that has children of its own is the primary.
  const workers = childrenOf(daemon.pid ?? 0).flatMap(childrenOf);
  return { port, xksPort, workers, stop: () => daemon.stop() };
}
