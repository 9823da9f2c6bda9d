import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';

/** Creates a directory that only its owner may enter. One that is there keeps its mode. */
export function makePrivateDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
}

/**
 * Writes a file that only its owner may read (mode 600), whole or not at all: a crash leaves the old one or the new one.
 * The directory must exist.
 */
export function writePrivateFile(file: string, content: string): void {
  const unfinished = `${file}.${String(process.pid)}.tmp`;
  const descriptor = openSync(unfinished, 'w', 0o600);
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(unfinished, file);
  syncDirectory(path.dirname(file));
}

/** Makes names created in the directory outlive a power cut. */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
