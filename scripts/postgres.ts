import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { databaseName, openCluster, type Cluster } from './postgres/cluster';
import { requireIdle, startServer, type Server } from './postgres/server';

export interface PostgresOptions {
  /** Directory of the password, the port and the log, and of the data where the server's account can reach it. */
  readonly dataDir: string;
  /** No fsync: for tests, which lose nothing when the machine does. */
  readonly throwaway?: boolean;
  /** Progress, one sentence at a time; by default nobody listens. */
  readonly log?: (message: string) => void;
}

/** A running Postgres for development and tests. It ends with this process, even when that is killed. */
export interface Postgres {
  /** Of the database `claviger`, with the password of its superuser: keep it out of logs. */
  readonly url: string;
  /** Fast shutdown; resolves when it has ended. */
  stop(): Promise<void>;
  /** Ends and starts on the same port; `immediate` ends it as a crash would. */
  restart(mode?: 'fast' | 'immediate'): Promise<void>;
}

const portAttempts = 5;

/**
 * Starts the Postgres of a data directory, which it makes the first time. The port is a free one of 127.0.0.1 and
 * stays the same while nobody else takes it. Throws when Postgres already runs there.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const throwaway = options.throwaway ?? false;
  const cluster = openCluster({
    dataDir: options.dataDir,
    throwaway,
    log: options.log ?? (() => undefined),
  });
  await requireIdle(cluster);
  const started = await startOnSomePort(cluster, throwaway);
  const { port } = started;
  let { server } = started;
  return {
    url: `postgres://${databaseName}:${cluster.password}@127.0.0.1:${port}/${databaseName}`,
    stop: () => server.stop(),
    restart: async (mode = 'fast') => {
      await server.stop(mode);
      server = await startServer(cluster, { port, throwaway });
    },
  };
}

/** Between finding a free port and Postgres's taking it somebody else may be faster. */
async function startOnSomePort(
  cluster: Cluster,
  throwaway: boolean,
): Promise<{ server: Server; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort(cluster);
    try {
      const server = await startServer(cluster, { port, throwaway });
      writeFileSync(cluster.portFile, String(port), { mode: 0o600 });
      return { server, port };
    } catch (error) {
      if (attempt === portAttempts || (await isFree(port)) !== undefined) throw error;
    }
  }
}

async function choosePort(cluster: Cluster): Promise<number> {
  const remembered = existsSync(cluster.portFile)
    ? Number(readFileSync(cluster.portFile, 'utf8'))
    : 0;
  const port = (await isFree(remembered)) ?? (await isFree(0));
  if (port === undefined) throw new Error('There is no free port on 127.0.0.1');
  return port;
}

/** The port itself, or for 0 some free port; undefined when it is taken. */
function isFree(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen(port, '127.0.0.1', () => {
      const found = (probe.address() as AddressInfo).port;
      probe.close(() => resolve(found));
    });
  });
}
