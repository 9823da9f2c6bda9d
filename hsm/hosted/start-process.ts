import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { HsmError } from '../errors';
import { hostPipe, lifePipe } from './messages';

export interface Started {
  readonly child: ChildProcess;
  readonly pipe: Duplex;
}

/** Throws `token-unavailable` where there is no process or no pipe to it. */
export function startProcess(environment: Readonly<Record<string, string>>): Started {
  const child = spawnChild(environment);
  // Emitted later, and listened to by then, but where there is no file descriptor left for its pipes.
  child.on('error', () => undefined);
  const pipes = [hostPipe, lifePipe].map((at) => (child.stdio as Streams | undefined)?.[at]);
  // An idle token must not keep the daemon's process; who waits for an answer does, by a timer.
  child.unref();
  for (const pipe of pipes) if (pipe instanceof Socket) pipe.unref();
  const [pipe] = pipes;
  if (!(pipe instanceof Socket)) throw notStarted();
  return { child, pipe };
}

type Streams = readonly unknown[];

function spawnChild(environment: Readonly<Record<string, string>>): ChildProcess {
  try {
    return spawn(process.execPath, [join(__dirname, 'serve.js')], {
      env: { ...environment },
      // What a library writes is the operator's to read; standard output may be what a command answers with.
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
    });
  } catch (cause) {
    throw notStarted({ cause });
  }
}

function notStarted(options?: { cause: unknown }): HsmError {
  return new HsmError('token-unavailable', "the token's process cannot be started", options);
}
