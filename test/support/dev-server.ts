import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { startCache } from './start-cache';

const program = path.resolve(__dirname, '..', '..', 'scripts', 'dev-server', 'main.js');

/** What scripts/dev runs in the end, as a process of its own. */
export interface DevServer {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  readonly output: () => string;
  readonly log: () => string;
}

/** On free ports, with one worker, and what a test wants different. */
export function startDevServer(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): DevServer {
  const child = spawn(process.execPath, [program], {
    env: {
      PATH: process.env['PATH'],
      ...startCache(),
      CLAVIGER_DATA_DIR: dataDir,
      CLAVIGER_PORT: '0',
      CLAVIGER_WORKERS: '1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, log] = ['', ''];
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (log += String(chunk)));
  return { process: child, output: () => output, log: () => log };
}

/** The URL of the ready line. */
export async function ready(dev: DevServer): Promise<string> {
  for (;;) {
    const url = /^claviger is ready at (\S+)$/m.exec(dev.output())?.[1];
    if (url !== undefined) return url;
    if (hasEnded(dev.process))
      throw new Error(`scripts/dev ended before it was ready: ${dev.log()}`);
    await Promise.race([once(dev.process.stdout!, 'data'), once(dev.process, 'close')]);
  }
}

/** Its exit code. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (!hasEnded(child)) {
    child.kill(signal);
    await once(child, 'close');
  }
  return child.exitCode;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
