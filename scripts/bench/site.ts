import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { DescribeKeyCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import type { Environment } from '../dev-server/commands';
import type { SoftHsmToken } from '../dev-server/softhsm';
import { type Cleanup, accountId, label, openGround, region, softHsm } from './ground';
import type { Identity } from './load/signer';
import { childrenOf } from './processes';
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
  const workers = { CLAVIGER_WORKERS: String(options.workers) };
  const ground = await openGround(workers, onClose);
  const { token, identity, databaseUrl, rootArn } = ground;
  const daemon = await ground.serve(profiling(options.profile));
  const { port } = daemon;
  const key = await createKey(port, identity);
  const yardstick = await startYardstick(
    {
      ...{ module: softHsm, label, region, pinFile: token.pinFile, databaseUrl },
      ...{ workers: options.workers, tokenKeyId: key.tokenKeyId },
      secretAccessKey: identity.secretAccessKey,
      principal: {
        ...{ kind: 'root', accountId, arn: rootArn, principalId: accountId },
        ...{ userName: undefined, accessKeyId: identity.accessKeyId },
      },
    },
    { environment: { SOFTHSM2_CONF: token.conf, ...profiling(options.profile) }, onClose },
  );
  return {
    ...{ token, identity, tokenKeyId: key.tokenKeyId, yardstick, databaseUrl },
    daemon: { name: 'Claviger', port, keyId: key.keyId, workers: daemon.workers },
    postgresProcesses: () => ground.postgresProcesses(),
  };
}

/** What makes Node.js write CPU profiles into the directory. */
export function profiling(directory: string | undefined): Environment {
  if (directory === undefined) return {};
  return {
    CLAVIGER_BENCH_PROFILE: path.resolve(directory),
    NODE_OPTIONS: `--require ${path.join(__dirname, 'profile.js')}`,
  };
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
