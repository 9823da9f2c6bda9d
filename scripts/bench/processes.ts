import { readFileSync } from 'node:fs';

/** Reads Linux's /proc (proc(5)): who descends from whom, and what each of them takes. */

/** CONFIG_HZ does not show in /proc: USER_HZ is 100 on every architecture that Node.js runs on. */
const ticksPerSecond = 100;

export function childrenOf(pid: number): number[] {
  return read(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** The name of its program, at most 15 characters. */
export function programOf(pid: number): string {
  return read(pid, 'comm').trim();
}

/** Resident memory in MiB. */
export function residentOf(pid: number): number {
  const status = read(pid, 'status');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** Seconds of processor time, user and system, of all of them and of the children that they saw end. */
export function processorSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + processorTicks(pid) / ticksPerSecond, 0);
}

function processorTicks(pid: number): number {
  const stat = read(pid, 'stat');
  // The second field is the program's name in brackets, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}

/** Empty for a process that has just ended: its parent has counted what it spent. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}
