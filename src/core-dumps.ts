import { writeFileSync } from 'node:fs';

/**
 * Has Linux write core dumps of this process, and of every process that it starts from now on, without any of their
 * memory (core(5), "Controlling which mappings are written to the core dump"). False where that cannot be done.
 */
export function keepMemoryOutOfCoreDumps(filter = '/proc/self/coredump_filter'): boolean {
  try {
    // 'r+': on a system without the file, none must be made.
    writeFileSync(filter, '0', { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}
