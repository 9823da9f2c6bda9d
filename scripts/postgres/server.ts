import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster';

/** A Postgres that this process started. */
export interface Server {
  /** Fast shutdown (or, `immediate`, as a crash), then waits for the end. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
}

/**
 * The shell waits on a pipe that we hold: it ends when we do, even by SIGKILL, and the shell then stops Postgres.
 * Job control is off in it, so Postgres would read /dev/null anyway; said here for the reader.
 */
const keeper = `exec 3<&0
"$@" 3<&- </dev/null &
server=$!
{ read -r _ <&3; kill -INT "$server"; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$server"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"`;

const startTimeoutMs = 30_000;
const stopTimeoutMs = 15_000;
const pollMs = 5;

/** Starts Postgres on 127.0.0.1 and waits until it takes connections. Throws when it ends before that. */
export async function startServer(
  cluster: Cluster,
  options: { readonly port: number; readonly throwaway: boolean },
): Promise<Server> {
  const child = launch(cluster, serverArguments(cluster, options));
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const server: Server = {
    stop: async (mode = 'fast') => {
      if (hasEnded(child)) return;
      if (mode === 'immediate') signal(cluster, 'SIGQUIT');
      else child.stdin?.end();
      const late = setTimeout(() => signal(cluster, 'SIGQUIT'), stopTimeoutMs);
      await ended;
      clearTimeout(late);
      child.stdin?.destroy();
    },
  };
  const deadline = Date.now() + startTimeoutMs;
  while (readPidFile(cluster)?.status !== 'ready') {
    if (hasEnded(child)) throw new Error(`Postgres did not start; see ${cluster.logFile}`);
    if (Date.now() > deadline) {
      await server.stop('immediate');
      throw new Error(
        `Postgres did not start within ${startTimeoutMs / 1000} s; see ${cluster.logFile}`,
      );
    }
    await delay(pollMs);
  }
  return server;
}

/**
 * Makes sure that no Postgres runs on the data directory. A pid file whose process is another program's (pids are
 * reused, above all in containers) is removed; a server that is stopping is waited for; throws for a running one.
 */
export async function requireIdle(cluster: Cluster): Promise<void> {
  const deadline = Date.now() + stopTimeoutMs;
  const grace = Date.now() + 500;
  for (;;) {
    const found = readPidFile(cluster);
    if (found === undefined) return;
    if (!isServer(found.pid, cluster)) {
      rmSync(pidFile(cluster), { force: true });
      return;
    }
    // The keeper of a killed parent needs a moment to tell its server.
    if (Date.now() > (found.status === 'stopping' ? deadline : grace)) {
      throw new Error(`Postgres is already running on ${cluster.data} (process ${found.pid})`);
    }
    await delay(pollMs);
  }
}

function launch(cluster: Cluster, args: readonly string[]): ChildProcess {
  const log = openSync(cluster.logFile, 'a', 0o600);
  try {
    return spawn(
      '/bin/sh',
      ['-c', keeper, 'sh', path.join(cluster.binaries.directory, 'postgres'), ...args],
      {
        ...cluster.account,
        cwd: '/',
        // A session of its own: the terminal's Ctrl-C must reach us and not the database under us.
        detached: true,
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
        stdio: ['pipe', log, log],
      },
    );
  } finally {
    closeSync(log);
  }
}

/** Of many databases that live for seconds. Daemons of several tests at once have more connections than one has. */
const throwaway = {
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  max_connections: '400',
};

function serverArguments(
  cluster: Cluster,
  options: { readonly port: number; readonly throwaway: boolean },
): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: '',
    max_connections: '100',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Statements carry audit lines and sealed secrets; none of them belongs in a log.
    log_min_error_statement: 'panic',
    log_parameter_max_length_on_error: '0',
    ...(options.throwaway ? throwaway : {}),
  };
  return [
    '-D',
    cluster.data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function signal(cluster: Cluster, name: NodeJS.Signals): void {
  const found = readPidFile(cluster);
  if (found !== undefined && isServer(found.pid, cluster)) process.kill(found.pid, name);
}

function pidFile(cluster: Cluster): string {
  return path.join(cluster.data, 'postmaster.pid');
}

/** Line 1 is the pid and line 8 the status, once there is one (Postgres, miscadmin.h, LOCK_FILE_LINE_*). */
function readPidFile(
  cluster: Cluster,
): { readonly pid: number; readonly status: string } | undefined {
  if (!existsSync(pidFile(cluster))) return undefined;
  try {
    const lines = readFileSync(pidFile(cluster), 'utf8').split('\n');
    return { pid: Number(lines[0]), status: (lines[7] ?? '').trim() };
  } catch (error) {
    // Removed between the two calls: the server just ended.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isServer(pid: number, cluster: Cluster): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  const commandLine = `/proc/${pid}/cmdline`;
  if (existsSync('/proc/self/cmdline')) {
    return existsSync(commandLine) && readFileSync(commandLine, 'utf8').includes(cluster.data);
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
