import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { canReach, serverAccount, type ServerAccount } from './account';
import { findBinaries, type Binaries } from './binaries';

/** A data directory that initdb has made, and what it takes to run it. */
export interface Cluster {
  readonly binaries: Binaries;
  readonly account: ServerAccount | undefined;
  /** Postgres's own directory. */
  readonly data: string;
  readonly logFile: string;
  readonly portFile: string;
  readonly password: string;
}

/** Superuser and database of the cluster. */
export const databaseName = 'claviger';

interface Place {
  /** The caller's directory: password, port and log; readable by the caller only. */
  readonly dataDir: string;
  /** Parent of Postgres's own directory. */
  readonly home: string;
  readonly data: string;
  readonly shared: string;
}

/** Opens the cluster of a data directory; the first time makes it. `throwaway` skips every fsync. */
export function openCluster(options: {
  readonly dataDir: string;
  readonly throwaway: boolean;
  readonly log: (message: string) => void;
}): Cluster {
  const account = serverAccount();
  const place = findPlace(path.resolve(options.dataDir), account, options.log);
  const versionFile = path.join(place.data, 'PG_VERSION');
  const passwordFile = path.join(place.dataDir, 'password');
  if (existsSync(versionFile) && !existsSync(passwordFile)) {
    setAside(place, options.log);
  }
  if (!existsSync(versionFile) && existsSync(passwordFile)) {
    options.log(`The database in ${place.data} is gone; a new, empty one is made`);
  }
  const major = existsSync(versionFile) ? Number(readFileSync(versionFile, 'utf8')) : undefined;
  const binaries = findBinaries({
    account,
    shared: place.shared,
    log: options.log,
    ...(major === undefined ? {} : { major }),
  });
  if (major === undefined) {
    const password = randomBytes(24).toString('base64url');
    initialise({ place, account, binaries, password, throwaway: options.throwaway });
    writeFileSync(passwordFile, password, { mode: 0o600 });
  }
  return {
    binaries,
    account,
    data: place.data,
    logFile: path.join(place.dataDir, 'postgres.log'),
    portFile: path.join(place.dataDir, 'port'),
    password: readFileSync(passwordFile, 'utf8'),
  };
}

/** Creates what is missing below the first directory that exists, whatever the umask is. */
function makeDirectory(directory: string, mode: number): void {
  if (existsSync(directory)) return;
  makeDirectory(path.dirname(directory), 0o755);
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, mode);
}

function findPlace(
  dataDir: string,
  account: ServerAccount | undefined,
  log: (message: string) => void,
): Place {
  const shared =
    account === undefined ? path.join(homedir(), '.cache', 'claviger') : '/var/lib/claviger';
  const near = path.join(dataDir, 'data');
  if (account === undefined) {
    makeDirectory(dataDir, 0o700);
    return { dataDir, home: dataDir, data: near, shared };
  }
  makeDirectory(shared, 0o755);
  makeDirectory(dataDir, 0o711);
  if (canReach(account, near)) return { dataDir, home: dataDir, data: near, shared };
  const home = path.join(shared, createHash('sha256').update(dataDir).digest('hex').slice(0, 16));
  if (!existsSync(home)) {
    log(`Keeping the database in ${home}, because the account postgres cannot reach ${dataDir}`);
    makeDirectory(home, 0o755);
  }
  return { dataDir, home, data: path.join(home, 'data'), shared };
}

/**
 * Without its password file the cluster belongs to a data directory that was deleted (or to a first start that was
 * interrupted). It may be the only copy of somebody's metadata, so it is kept.
 */
function setAside(place: Place, log: (message: string) => void): void {
  const aside = `${place.data}.${Date.now()}`;
  renameSync(place.data, aside);
  log(
    `The database in ${place.data} has lost its password file; it was moved to ${aside} and a new one is made`,
  );
}

/** Works next to the final place and moves there at the end, so an interrupted initdb is never taken for a cluster. */
function initialise(options: {
  readonly place: Place;
  readonly account: ServerAccount | undefined;
  readonly binaries: Binaries;
  readonly password: string;
  readonly throwaway: boolean;
}): void {
  const { place, account, binaries } = options;
  const draft = `${place.data}.${process.pid}.new`;
  const passwordFile = `${draft}.password`;
  mkdirSync(draft);
  chmodSync(draft, 0o700);
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  try {
    if (account !== undefined) {
      for (const file of [draft, passwordFile]) chownSync(file, account.uid, account.gid);
    }
    run(path.join(binaries.directory, 'initdb'), {
      args: [
        ...['-D', draft, '-U', databaseName, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
        ...['--encoding=UTF8', '--locale=C', '--no-instructions'],
        ...(options.throwaway ? ['--no-sync'] : []),
      ],
      account,
      input: '',
    });
    run(path.join(binaries.directory, 'postgres'), {
      args: ['--single', '-D', draft, ...(options.throwaway ? ['-F'] : []), 'postgres'],
      account,
      input: `create database ${databaseName}\n`,
    });
    renameSync(draft, place.data);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(draft, { recursive: true, force: true });
  }
}

function run(
  program: string,
  options: {
    readonly args: readonly string[];
    readonly account: ServerAccount | undefined;
    readonly input: string;
  },
): void {
  const result = spawnSync(program, options.args, {
    ...options.account,
    cwd: '/',
    input: options.input,
    encoding: 'utf8',
  });
  if (result.status !== 0) {
    throw new Error(`${program} failed: ${result.error?.message ?? result.stderr.trim()}`);
  }
}
