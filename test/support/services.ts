import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from '../auth/sigv4-signing';
import { commandLine, type TestCredentials, type TestDaemon } from './daemon';
import type { SessionCredentials } from './sts-client';

/** Registers a service and gives its access key. */
export async function makeService(daemon: TestDaemon, name: string): Promise<TestCredentials> {
  await daemon.run('service', 'create', name);
  return serviceKey(daemon, name);
}

export async function serviceKey(daemon: TestDaemon, name: string): Promise<TestCredentials> {
  const printed = await daemon.run('service', 'create-access-key', name);
  const key = JSON.parse(printed) as Record<'AccessKeyId' | 'SecretAccessKey', string>;
  return { accessKeyId: key.AccessKeyId, secretAccessKey: key.SecretAccessKey };
}

/** What `claviger <args>` printed to standard error when it failed. */
export async function commandFailure(daemon: TestDaemon, ...args: string[]): Promise<string> {
  const running = promisify(execFile)(process.execPath, [commandLine, ...args], {
    env: daemon.environment,
  });
  try {
    await running;
  } catch (error) {
    return (error as { stderr: string }).stderr.trimEnd();
  }
  throw new Error(`claviger ${args.join(' ')} did not fail`);
}

/** What a test wants different of a presigned request. */
export interface Presigning {
  readonly query?: Readonly<Record<string, string>>;
  /** Headers that are signed, and not in the URL. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signedAt?: Date;
  readonly expiresIn?: number;
  readonly scope?: string;
}

/** A presigned GetCallerIdentity for a service, by the AWS SDK's own signer. */
export async function presign(
  { endpoint, region }: TestDaemon,
  credentials: TestCredentials | SessionCredentials,
  { query, headers = {}, signedAt, expiresIn = 300, scope = 'sts' }: Presigning,
): Promise<string> {
  const { protocol, hostname, port, host } = new URL(endpoint);
  const signer = new SignatureV4({ service: scope, region, credentials, sha256: Sha256 });
  const signed = await signer.presign(
    {
      ...{ method: 'GET', protocol, hostname, port: Number(port), path: '/' },
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15', ...query },
      headers: { host, ...headers },
    },
    { expiresIn, ...(signedAt && { signingDate: signedAt }) },
  );
  const pairs = Object.entries(signed.query ?? {}).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
  );
  return `${protocol}//${host}/?${pairs.join('&')}`;
}

/** An answer of the query protocol. */
export interface QueryAnswer {
  readonly status: number;
  readonly xml: string;
  /** Text of the first element of that name; undefined when there is none. */
  text(name: string): string | undefined;
}

/** A signed request of STS that no SDK knows. */
export async function callSts(
  { endpoint, region }: TestDaemon,
  credentials: TestCredentials | SessionCredentials,
  parameters: Readonly<Record<string, string>>,
): Promise<QueryAnswer> {
  const { protocol, hostname, port, host } = new URL(endpoint);
  const body = new URLSearchParams({ Version: '2011-06-15', ...parameters }).toString();
  const signer = new SignatureV4({ service: 'sts', region, credentials, sha256: Sha256 });
  const signed = await signer.sign({
    ...{ method: 'POST', protocol, hostname, port: Number(port), path: '/', query: {}, body },
    headers: { host, 'content-type': 'application/x-www-form-urlencoded' },
  });
  const answer = await fetch(endpoint, { method: 'POST', headers: signed.headers, body });
  const xml = await answer.text();
  return {
    status: answer.status,
    xml,
    text: (name) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1],
  };
}

/** Who called which service. */
export interface Forwarding {
  readonly caller: TestCredentials | SessionCredentials;
  /** Principal name of the service. */
  readonly name: string;
  readonly service: TestCredentials;
}

/** Credentials of the caller's through the service. */
export async function forwardedSession(
  daemon: TestDaemon,
  { caller, name, service }: Forwarding,
): Promise<SessionCredentials> {
  const url = await presign(daemon, caller, { headers: { 'x-claviger-service': name } });
  const parameters = { Action: 'GetForwardedSession', PresignedCallerIdentity: url };
  const answer = await callSts(daemon, service, parameters);
  const [accessKeyId, secretAccessKey, sessionToken] = [
    'AccessKeyId',
    'SecretAccessKey',
    'SessionToken',
  ].map((element) => answer.text(element));
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined) {
    throw new Error(answer.xml);
  }
  return { accessKeyId, secretAccessKey, sessionToken };
}
