import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { until } from './until';

/** The processes whose parent this is (proc(5)); of a daemon's primary: its workers. */
export function childrenOf(pid: number | undefined): number[] {
  const file = `/proc/${String(pid)}/task/${String(pid)}/children`;
  return existsSync(file)
    ? readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number).sort()
    : [];
}

/** Whether it still runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  const file = `/proc/${String(pid)}/stat`;
  if (!existsSync(file)) return false;
  try {
    // The state follows the command's name, which stands in brackets and may hold anything.
    return !/\) [ZX] /.test(readFileSync(file, 'utf8'));
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** SIGKILL to a daemon's primary and its workers at once. */
export async function killAll(primary: ChildProcess): Promise<void> {
  const processes = [...childrenOf(primary.pid), primary.pid ?? 0];
  const exited = once(primary, 'exit');
  for (const pid of processes) process.kill(pid, 'SIGKILL');
  await exited;
  await until('they are dead', () => !processes.some(isAlive));
}
