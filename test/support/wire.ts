import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { type SignOptions, type Unsigned, sign } from '../auth/sigv4-signing';
import type { TestCredentials, TestDaemon } from './daemon';
import type { SessionCredentials } from './sts-client';

/** An answer as it came off the wire. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** An HTTP request whose every byte the test has decided. */
export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export type CallOptions = SignOptions & {
  readonly credentials?: TestCredentials | SessionCredentials;
  readonly headers?: Readonly<Record<string, string>>;
};

export function send(daemon: TestDaemon, sent: Sent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { method, url: path, rawHeaders: headers, body } = sent;
    const options = { host: '127.0.0.1', port: daemon.port, method, path, agent: false };
    const req = httpRequest({ ...options, headers: [...headers] }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text });
      });
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** Signs a request to the daemon, now and with its account's access key where nothing else is said. */
export async function signed(
  daemon: TestDaemon,
  unsigned: Unsigned,
  options: CallOptions = {},
): Promise<Sent> {
  const { credentials = daemon.credentials, headers, ...signing } = options;
  const { host } = new URL(daemon.endpoint);
  const { sessionToken }: Partial<SessionCredentials> = credentials;
  const token = sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken };
  const request = await sign(
    { ...unsigned, headers: { host, ...unsigned.headers, ...headers, ...token } },
    {
      accessKeyId: credentials.accessKeyId,
      secret: credentials.secretAccessKey,
      region: daemon.region,
      at: Date.now(),
      ...signing,
    },
  );
  const length = ['content-length', String(request.body.length)];
  return { ...request, rawHeaders: [...request.rawHeaders, ...length] };
}

/** The headers of a call of an operation. */
export function targeting(operation: string): Record<string, string> {
  return {
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': `TrentService.${operation}`,
  };
}

/** Calls an operation with a JSON body: an object, or a text as it stands. */
export async function call(
  daemon: TestDaemon,
  operation: string,
  input: object | string,
  options: CallOptions = {},
): Promise<Reply> {
  const body = typeof input === 'string' ? input : JSON.stringify(input);
  return send(daemon, await signed(daemon, { headers: targeting(operation), body }, options));
}

/** Status and body of a refusal; the body whole, so that a member too many fails a test. */
export function refusal({ status, text }: Reply): Readonly<Record<string, unknown>> {
  return { status, ...(JSON.parse(text) as Record<string, unknown>) };
}

/** Calls an operation that is refused. */
export async function refused(
  ...args: Parameters<typeof call>
): Promise<Readonly<Record<string, unknown>>> {
  return refusal(await call(...args));
}

/** A refusal with status 400: almost all of them (kms-semantics §15.4). */
export function badRequest(code: string, message?: string): Readonly<Record<string, unknown>> {
  return { status: 400, __type: code, ...(message === undefined ? {} : { message }) };
}

/** AccessDeniedException alone writes its text with a capital (kms-semantics §15.3). */
export function accessDenied(message: string): Readonly<Record<string, unknown>> {
  return { status: 400, __type: 'AccessDeniedException', Message: message };
}
