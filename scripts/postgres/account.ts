import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The operating system account that Postgres runs as; undefined: our own. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

const name = 'postgres';

/** Postgres refuses to run as root, so root runs it as the system account `postgres`, made here when it is absent. */
export function serverAccount(): ServerAccount | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const known = lookUp();
  if (known !== undefined) return known;
  const made = spawnSync(
    'useradd',
    ['--system', '--user-group', '--shell', '/usr/sbin/nologin', name],
    {
      encoding: 'utf8',
    },
  );
  // Two starts at once may both come here: whoever loses finds the account that the other one made.
  const account = lookUp();
  if (account === undefined) {
    throw new Error(
      `Postgres cannot run as root and the system account ${name} could not be made: ${made.error?.message ?? made.stderr.trim()}`,
    );
  }
  return account;
}

/** Whether the account may pass through every directory above the path; the path need not exist. */
export function canReach(account: ServerAccount | undefined, target: string): boolean {
  if (account === undefined) return true;
  const probe = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', existingParent(target)], {
    ...account,
    cwd: '/',
  });
  return probe.status === 0;
}

function existingParent(target: string): string {
  const parent = path.dirname(path.resolve(target));
  return existsSync(parent) ? parent : existingParent(parent);
}

function lookUp(): ServerAccount | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined
    ? undefined
    : { uid: Number(uid), gid: Number(gid) };
}
