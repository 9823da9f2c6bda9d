import { closeSync, fsyncSync, openSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HsmError } from './errors';

/** File systems keep coarser times than the clock; a file is flushed once too often rather than not. */
const clockSlackMs = 2000;

/** Makes an object in the token that has to be on disk before anybody relies on it, or is not there at all. */
export function durably<T>(
  directory: string | undefined,
  { make, undo }: { make: () => T; undo: () => void },
): T {
  const startedMs = Date.now();
  const made = make();
  if (directory === undefined) return made;
  try {
    flushChanged(directory, startedMs);
  } catch (error) {
    undo();
    throw new HsmError('failed', 'fsync: the new key could not be made durable', { cause: error });
  }
  return made;
}

/**
 * Destroys, and flushes what that changed. SoftHSM changes its generation number beside each file that it removes, so their
 * directory is among the flushed.
 */
export function destroyDurably(directory: string | undefined, destroy: () => void): void {
  const startedMs = Date.now();
  destroy();
  if (directory === undefined) return;
  try {
    flushChanged(directory, startedMs);
  } catch (error) {
    throw new HsmError('failed', 'fsync: the destruction could not be made durable', {
      cause: error,
    });
  }
}

/**
 * Flushes the files below `directory` that changed since `sinceMs` (Unix milliseconds), then their directories.
 * Runs on a lane: it blocks.
 */
export function flushChanged(directory: string, sinceMs: number): void {
  const changed = changedFiles(directory, sinceMs);
  for (const file of changed) flush(file);
  for (const parent of new Set([...changed.map((file) => dirname(file)), directory])) flush(parent);
}

/** Files anywhere below `directory` whose content changed since `sinceMs`. */
export function changedFiles(directory: string, sinceMs: number): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => isRecent(file, sinceMs - clockSlackMs));
}

/** Another process may delete a key between the listing and the look. */
function isRecent(file: string, sinceMs: number): boolean {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats !== undefined && stats.mtimeMs >= sinceMs;
}

function flush(path: string): void {
  const descriptor = openExisting(path);
  if (descriptor === undefined) return;
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
