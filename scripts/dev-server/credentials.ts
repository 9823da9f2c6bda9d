import { existsSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { writePrivateFile } from './files';

/** What `claviger init` and `claviger account create-access-key` print, once. */
export interface AccessKey {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
}

/** Files that the AWS CLI and SDKs read when AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name them. */
export interface ClientFiles {
  readonly credentials: string;
  readonly config: string;
}

export function clientFiles(dataDir: string): ClientFiles {
  return {
    credentials: path.join(dataDir, 'credentials'),
    config: path.join(dataDir, 'aws-config'),
  };
}

/** Reads the access key that the command line printed. Throws without repeating what it was given. */
export function parseAccessKey(output: string): AccessKey {
  const key = fieldsOf(output);
  const [id, secret] = [key['AccessKeyId'], key['SecretAccessKey']];
  if (!isWord(id) || !isWord(secret)) throw new Error('claviger printed no access key');
  return { AccessKeyId: id, SecretAccessKey: secret };
}

/** Writes profile `default`, mode 600. Credentials that are there belong to another database and are set aside. */
export function writeCredentials(file: string, key: AccessKey): void {
  if (existsSync(file)) renameSync(file, `${file}.previous`);
  writePrivateFile(
    file,
    `[default]\naws_access_key_id = ${key.AccessKeyId}\naws_secret_access_key = ${key.SecretAccessKey}\n`,
  );
}

/** Reads what writeCredentials wrote. Throws without repeating what is there. */
export function readCredentials(file: string): AccessKey {
  const text = readFileSync(file, 'utf8');
  const [AccessKeyId, SecretAccessKey] = ['aws_access_key_id', 'aws_secret_access_key'].map(
    (name) => new RegExp(`^${name} *= *(\\S+)$`, 'm').exec(text)?.[1],
  );
  if (AccessKeyId === undefined || SecretAccessKey === undefined) {
    throw new Error(`${file} has no access key`);
  }
  return { AccessKeyId, SecretAccessKey };
}

/** Writes profile `default`; `endpoint_url` is understood by AWS CLI 1.29 and 2.13 and later. */
export function writeClientConfig(
  file: string,
  profile: { readonly region: string; readonly url: string },
): void {
  writePrivateFile(
    file,
    `[default]\nregion = ${profile.region}\noutput = json\nendpoint_url = ${profile.url}\n`,
  );
}

function fieldsOf(output: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(output);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // A SyntaxError quotes its input, and this input holds a secret.
    return {};
  }
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^\S+$/.test(value);
}
