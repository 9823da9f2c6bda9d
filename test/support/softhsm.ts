import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SHARE_ENV, Worker } from 'node:worker_threads';

const run = promisify(execFile);

export interface SoftHsmOptions {
  /** Names for `slots.mechanisms`; all of SoftHSM's where left out. */
  readonly mechanisms?: readonly string[];
  /** For another process: this one's next C_Initialize is left with the configuration that it has. */
  readonly further?: boolean;
  /** A random one where left out. */
  readonly pin?: string;
  /** A token that nobody has open: it is copied, with its objects, label, serial and PIN. */
  readonly copyOf?: Pick<SoftHsm, 'label' | 'serial' | 'pin' | 'tokenDir'>;
}

export interface SoftHsm {
  /** Path of the PKCS#11 library. */
  readonly module: string;
  /** Path of softhsm2.conf; SOFTHSM2_CONF of this process already names it, unless it is a further token. */
  readonly conf: string;
  readonly label: string;
  readonly serial: string;
  readonly pin: string;
  /** File that holds the PIN, mode 600. */
  readonly pinFile: string;
  /** Directory of all tokens (`directories.tokendir`). */
  readonly tokenDir: string;
  /** Adds another token to the directory. Returns its serial. */
  addToken(label: string): Promise<string>;
  /** Makes this process's next C_Initialize read this configuration, after another one was made. */
  activate(): Promise<void>;
  /** Makes the token vanish, as a pulled cable would. */
  moveAway(): Promise<void>;
  restore(): Promise<void>;
  /** Deletes it all; close the token first. */
  remove(): Promise<void>;
}

const modulePaths = {
  debian: '/usr/lib/softhsm/libsofthsm2.so',
};

/** A private, initialised SoftHSM token in a directory of its own. */
export async function makeSoftHsm(options: SoftHsmOptions = {}): Promise<SoftHsm> {
  const home = await mkdtemp(join(tmpdir(), 'claviger-softhsm-'));
  const tokenDir = join(home, 'tokens');
  const away = join(home, 'tokens.away');
  const conf = join(home, 'softhsm2.conf');
  const pinFile = join(home, 'pin');
  const { copyOf } = options;
  const pin = copyOf?.pin ?? options.pin ?? randomBytes(8).toString('hex');
  const label = copyOf?.label ?? `test-${randomBytes(4).toString('hex')}`;
  await mkdir(tokenDir, { mode: 0o700 });
  if (copyOf !== undefined) await cp(copyOf.tokenDir, tokenDir, { recursive: true });
  await writeFile(pinFile, pin, { mode: 0o600 });
  await writeFile(conf, configuration(tokenDir, options));
  const addToken = (name: string): Promise<string> => initToken({ conf, label: name, pin });
  const serial = copyOf?.serial ?? (await addToken(label));
  const activate = (): Promise<void> => setProcessEnvironment('SOFTHSM2_CONF', conf);
  if (options.further !== true) await activate();
  return {
    ...{
      module: modulePaths.debian,
      conf,
      label,
      serial,
      pin,
      pinFile,
      tokenDir,
      addToken,
      activate,
    },
    moveAway: () => rename(tokenDir, away),
    restore: () => rename(away, tokenDir),
    remove: () => rm(home, { recursive: true, force: true }),
  };
}

function configuration(tokenDir: string, { mechanisms }: SoftHsmOptions): string {
  return [
    `directories.tokendir = ${tokenDir}`,
    'objectstore.backend = file',
    'log.level = ERROR',
    'slots.removable = false',
    ...(mechanisms === undefined ? [] : [`slots.mechanisms = ${mechanisms.join(',')}`]),
    '',
  ].join('\n');
}

async function initToken(token: { conf: string; label: string; pin: string }): Promise<string> {
  const env = { ...process.env, SOFTHSM2_CONF: token.conf };
  const pins = ['--pin', token.pin, '--so-pin', token.pin];
  await run('softhsm2-util', ['--init-token', '--free', '--label', token.label, ...pins], { env });
  const { stdout } = await run('softhsm2-util', ['--show-slots'], { env });
  const slot = stdout
    .split(/^Slot /m)
    .find((part) => new RegExp(`Label: +${token.label}\\s`).test(part));
  const serial = /Serial number: +(\w+)/.exec(slot ?? '')?.[1];
  if (serial === undefined) throw new Error(`softhsm2-util made no token: ${stdout}`);
  return serial;
}

/**
 * SoftHSM reads its configuration with getenv(). Jest gives each test file a copy of process.env, and writing to the
 * copy does not reach the real environment; a worker that shares the environment does.
 */
async function setProcessEnvironment(name: string, value: string): Promise<void> {
  process.env[name] = value;
  await new Promise<void>((resolve, reject) => {
    const code =
      "const { workerData: [name, value] } = require('node:worker_threads'); process.env[name] = value;";
    new Worker(code, { eval: true, env: SHARE_ENV, workerData: [name, value] })
      .once('error', reject)
      .once('exit', () => resolve());
  });
}
