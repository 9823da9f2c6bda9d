import { readFileSync } from 'node:fs';

/** Reads Linux's /proc (proc(5)): who descends from whom, and what each of them takes. */

/** CONFIG_HZ does not show in /proc: USER_HZ is 100 on every architecture that Node.js runs on. */
const ticksPerSecond = 100;

export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** The name of its program, at most 15 characters. */
export function programOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

/** Resident memory in MiB. */
export function residentOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** Seconds of processor time, user and system, of all of them. */
export function processorSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + processorTicks(pid) / ticksPerSecond, 0);
}

function processorTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in brackets, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]];
  return Number(user) + Number(system);
}
