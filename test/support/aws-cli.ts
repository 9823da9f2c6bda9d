import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  clientFiles,
  writeClientConfig,
  writeCredentials,
} from '../../scripts/dev-server/credentials';
import { makePrivateDirectory } from '../../scripts/dev-server/files';
import { withAwsCli } from './aws-cli-server';
import type { TestDaemon } from './daemon';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory with `.claviger` as scripts/dev leaves it, and commands run in it. */
export interface Terminal {
  readonly directory: string;
  /** Runs to its end, whatever its exit code. `environment` adds to what the terminal has. */
  run(command: string, args: readonly string[], environment?: NodeJS.ProcessEnv): Promise<Finished>;
  /** `aws …` that finds endpoint, region and credentials in the files. */
  aws(...args: string[]): Promise<Finished>;
  /** `aws kms …` */
  kms(...args: string[]): Promise<Finished>;
  close(): Promise<void>;
}

export async function openTerminal(daemon: TestDaemon): Promise<Terminal> {
  const directory = await mkdtemp(path.join(tmpdir(), 'claviger-terminal-'));
  const dataDir = path.join(directory, '.claviger');
  makePrivateDirectory(dataDir);
  const files = clientFiles(dataDir);
  const { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey } = daemon.credentials;
  writeCredentials(files.credentials, { AccessKeyId, SecretAccessKey });
  writeClientConfig(files.config, { region: daemon.region, url: daemon.endpoint });
  const own = {
    PATH: withAwsCli(process.env['PATH']),
    HOME: directory,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const found = {
    AWS_CONFIG_FILE: files.config,
    AWS_SHARED_CREDENTIALS_FILE: files.credentials,
    AWS_MAX_ATTEMPTS: '1',
  };
  const run: Terminal['run'] = (command, args, environment = {}) =>
    finish(command, args, { cwd: directory, env: { ...own, ...environment } });
  return {
    directory,
    run,
    aws: (...args) => run('aws', args, found),
    kms: (...args) => run('aws', ['kms', ...args], found),
    close: () => rm(directory, { recursive: true, force: true }),
  };
}

function finish(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { ...options, encoding: 'utf8' }, (error, stdout, stderr) => {
      // A command that could not be started has a name for a code.
      if (typeof error?.code === 'string')
        reject(new Error(`${command} could not be started`, { cause: error }));
      else resolve({ code: error === null ? 0 : (error.code ?? -1), stdout, stderr });
    });
  });
}
