import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const program = path.resolve(__dirname, '..', '..', '..', 'test', 'support', 'aws-cli-server.py');
/** Where a jest run keeps the quick `aws`; the global set-up fills it in. */
const variable = 'CLAVIGER_TEST_AWS_CLI';

/**
 * Begins to load an AWS CLI that serves all of the run. Where there is none that Python can import nothing comes of it, and
 * tests use the `aws` that there is, as they do until it is loaded.
 */
export async function startAwsCli(): Promise<{ stop(): Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'claviger-aws-'));
  const child = spawn('python3', [program, directory], {
    env: { ...process.env, PYTHONPATH: modulesOfSetUp() },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    // There is no Python.
    child.once('error', () => resolve());
  });
  // It may have ended.
  child.stdin.on('error', () => undefined);
  // What is left of a run that fails must not wait for it.
  child.unref();
  process.env[variable] = directory;
  return {
    stop: async () => {
      // Nothing else may keep this process alive until it has ended.
      child.ref();
      child.stdin.end();
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A PATH on which the quick `aws` comes first, once it is there. */
export function withAwsCli(searched: string | undefined): string | undefined {
  const directory = process.env[variable];
  return directory === undefined ? searched : `${directory}:${searched ?? ''}`;
}

/** scripts/setup.sh keeps an AWS CLI beside its modules, and no other Python finds them. */
function modulesOfSetUp(): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(':');
  const first = directories.find((directory) => existsSync(path.join(directory, 'aws')));
  const modules = path.join(first ?? '', '..', 'modules');
  return first !== undefined && existsSync(modules) ? modules : process.env['PYTHONPATH'];
}
