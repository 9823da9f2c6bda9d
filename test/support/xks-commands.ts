import type { TestDaemon } from './daemon';

/** What `claviger xks <args> --json` printed. */
export async function xks<T = Record<string, unknown>>(
  daemon: Pick<TestDaemon, 'run'>,
  ...args: string[]
): Promise<T> {
  return JSON.parse(await daemon.run('xks', ...args, '--json')) as T;
}

/** What a `claviger xks … list --json` printed: one object a line. */
export async function xksList<T = Record<string, unknown>>(
  daemon: Pick<TestDaemon, 'run'>,
  ...args: string[]
): Promise<T[]> {
  const printed = await daemon.run('xks', ...args, '--json');
  return printed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

export interface XksCredential {
  readonly AccessKeyId: string;
  readonly RawSecretAccessKey: string;
}

export function makeXksCredential(daemon: TestDaemon, prefix: string): Promise<XksCredential> {
  return xks<XksCredential & Record<string, unknown>>(daemon, 'credential', 'create', prefix);
}

export interface MadeExternalKey {
  readonly Prefix: string;
  readonly ExternalKeyId: string;
  readonly KeyId: string;
  readonly KeyArn: string;
  readonly CurrentKeyMaterialId: string;
}

export function makeExternalKey(
  daemon: TestDaemon,
  prefix: string,
  externalKeyId: string,
  ...options: string[]
): Promise<MadeExternalKey> {
  return xks<MadeExternalKey & Record<string, unknown>>(
    daemon,
    ...['key', 'create', prefix, externalKeyId, ...options],
  );
}
