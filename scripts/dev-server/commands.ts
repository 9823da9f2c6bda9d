import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

/** Environment of every claviger process that we start. */
export type Environment = Readonly<Record<string, string | undefined>>;

const program = path.resolve(__dirname, '..', '..', 'src', 'cli', 'claviger.js');

/**
 * The shell ends the daemon when the pipe on its standard input closes: when we stop it, and when we are killed. A
 * daemon that outlived its Postgres would hold the port and answer nothing.
 */
const keeper = `exec 3<&0
"$@" 3<&- </dev/null &
daemon=$!
{ read -r _ <&3; kill -TERM "$daemon"; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$daemon"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"`;

/** Where a process's log goes: to our standard error, or to a file (a stream that is open). */
export type LogTarget = 'inherit' | Writable;

/** Runs a command of the claviger command line and returns what it printed. */
export async function run(
  args: readonly string[],
  environment: Environment,
  log: LogTarget = 'inherit',
): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], {
    env: environment,
    stdio: ['ignore', 'pipe', log],
  });
  const [output, [code, signal]] = await Promise.all([text(child.stdout), closed(child)]);
  if (code !== 0) throw new Error(`claviger ${args.join(' ')} failed (${String(signal ?? code)})`);
  return output;
}

export interface Daemon {
  /** Of the process that keeps it: the primary is its child. */
  readonly pid: number | undefined;
  /** Resolves with where it answers; rejects when it ends before it does. */
  readonly ready: Promise<ServedAt>;
  /** Its exit code, 128 and more for a signal. */
  readonly ended: Promise<number>;
  /** Lets requests in flight finish. */
  stop(): Promise<void>;
}

export interface ServedAt {
  readonly url: string;
  /** Of the XKS proxy, where that has a port of its own. */
  readonly xksUrl: string | undefined;
}

const readyLine = /^claviger is ready at (http\S+)$/;
/** Comes before the ready line. */
const xksLine = /^claviger serves XKS at (http\S+)$/;

/** Starts `claviger serve`. What it prints beside the ready line goes to our standard error. */
export function serve(environment: Environment, log: LogTarget = 'inherit'): Daemon {
  const child = spawn('/bin/sh', ['-c', keeper, 'sh', process.execPath, program, 'serve'], {
    env: environment,
    // A session of its own: the terminal's Ctrl-C reaches us, and we stop the daemon once.
    detached: true,
    stdio: ['pipe', 'pipe', log],
  });
  const ended = closed(child).then(([code]) => code ?? 128);
  const ready = new Promise<ServedAt>((resolve, reject) => {
    let xksUrl: string | undefined;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [url, xks] = [readyLine, xksLine].map((form) => form.exec(line)?.[1]);
      xksUrl ??= xks;
      if (url !== undefined) resolve({ url, xksUrl });
      else if (xks === undefined) process.stderr.write(`${line}\n`);
    });
    void ended.then((code) =>
      reject(new Error(`claviger serve ended (${code}) before it was ready`)),
    );
  });
  return {
    pid: child.pid,
    ready,
    ended,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** Exit code or signal; rejects when the process could not be started. */
function closed(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
}
