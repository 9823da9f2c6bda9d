import { openSync, readSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** A module's text and its compiled code. */
export interface Kept {
  readonly source: string;
  readonly code: Buffer;
}

/** Modules and where requests for them lead, in one file. */
export interface Archive {
  module(filename: string): Kept | undefined;
  /** Where a request of a module in this directory leads. */
  resolved(directory: string, request: string): string | undefined;
}

interface Place {
  readonly isAscii: boolean;
  readonly start: number;
  /** Where the source ends and the code begins. */
  readonly middle: number;
  readonly end: number;
}

/** What is known of a directory. A thread that needs little reads little: JSON that is in the file beside the code. */
interface Directory {
  /** By file name. */
  readonly modules: Record<string, Place>;
  /** By request: the path that it leads to. */
  readonly resolved: Record<string, string>;
}

/** By path: where the JSON of a directory begins and ends. */
type Index = Record<string, readonly [start: number, end: number]>;

/** `resolved`: by directory and request. The file: place of the index (two 32-bit integers), all the rest, index. */
export function writeArchive(
  file: string,
  modules: ReadonlyMap<string, Kept>,
  resolved: ReadonlyMap<string, ReadonlyMap<string, string>>,
): void {
  const head = Buffer.alloc(8);
  const parts: Buffer[] = [head];
  let length = head.length;
  const append = (part: Buffer): number => {
    parts.push(part);
    return (length += part.length);
  };
  const directories = new Map<string, Directory>();
  for (const [directory, requests] of resolved)
    directories.set(directory, { modules: {}, resolved: Object.fromEntries(requests) });
  for (const [filename, { source, code }] of modules) {
    const directory = directories.get(path.dirname(filename)) ?? { modules: {}, resolved: {} };
    directories.set(path.dirname(filename), directory);
    const [start, text] = [length, Buffer.from(source)];
    directory.modules[path.basename(filename)] = {
      ...{ isAscii: text.length === source.length, start },
      ...{ middle: append(text), end: append(code) },
    };
  }
  const index: Index = {};
  for (const [name, directory] of directories)
    index[name] = [length, append(Buffer.from(JSON.stringify(directory)))];
  head.writeUInt32LE(length, 0);
  head.writeUInt32LE(append(Buffer.from(JSON.stringify(index))), 4);
  writeFileSync(file, Buffer.concat(parts));
}

export function openArchive(file: string): Archive {
  const opened = openSync(file, 'r');
  const read = (start: number, end: number): Buffer => {
    const bytes = Buffer.allocUnsafeSlow(end - start);
    readSync(opened, bytes, 0, bytes.length, start);
    return bytes;
  };
  const readJson = (start: number, end: number): unknown =>
    JSON.parse(read(start, end).toString('utf8'));
  const head = read(0, 8);
  const index = readJson(head.readUInt32LE(0), head.readUInt32LE(4)) as Index;
  const directories = new Map<string, Directory | undefined>();
  const directory = (name: string): Directory | undefined => {
    if (directories.has(name)) return directories.get(name);
    const place = Object.hasOwn(index, name) ? index[name] : undefined;
    const found = place && (readJson(...place) as Directory);
    directories.set(name, found);
    return found;
  };
  return {
    resolved: (name, request) => {
      const resolved = directory(name)?.resolved;
      return resolved && Object.hasOwn(resolved, request) ? resolved[request] : undefined;
    },
    module: (filename) => {
      const modules = directory(path.dirname(filename))?.modules;
      const name = path.basename(filename);
      const place = modules && Object.hasOwn(modules, name) ? modules[name] : undefined;
      if (place === undefined) return undefined;
      const { isAscii, start, middle, end } = place;
      const bytes = read(start, end);
      return {
        source: bytes.toString(isAscii ? 'latin1' : 'utf8', 0, middle - start),
        code: bytes.subarray(middle - start),
      };
    },
  };
}
