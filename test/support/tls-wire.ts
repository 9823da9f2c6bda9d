import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { CertificateFiles } from './certificates';
import type { TestDaemon } from './daemon';
import { type Reply, targeting } from './wire';

/** What a client without an AWS SDK sends, and as whom. */
export interface TlsCall {
  /** The daemon's own certificate, which the client trusts. */
  readonly server: CertificateFiles;
  /** The client's certificate. */
  readonly certificate?: CertificateFiles | undefined;
  /** Names and values in turn, besides those of the operation. */
  readonly headers?: readonly string[];
  readonly path?: string;
}

/** Calls an operation over TLS as curl would: JSON in, a certificate or headers of the test's own, no signature. */
export function callOverTls(
  daemon: TestDaemon,
  [operation, input]: readonly [operation: string, input: object],
  call: TlsCall,
): Promise<Reply> {
  const headers = [...Object.entries(targeting(operation)).flat(), ...(call.headers ?? [])];
  return postOverTls(daemon, input, { path: '/', ...call, headers });
}

/** Posts JSON over TLS, to any path. */
export function postOverTls(
  daemon: TestDaemon,
  input: object,
  { server, certificate, headers = [], path }: TlsCall & { readonly path: string },
): Promise<Reply> {
  const body = JSON.stringify(input);
  const { host } = new URL(daemon.endpoint);
  const own = ['host', host, 'content-length', String(Buffer.byteLength(body))];
  const secrets = certificate && {
    cert: readFileSync(certificate.certFile),
    key: readFileSync(certificate.keyFile),
  };
  return new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port: daemon.port, method: 'POST', path, agent: false };
    const options = { ...target, ca: readFileSync(server.certFile), ...secrets };
    const req = request({ ...options, headers: [...own, ...headers] }, (res) => {
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

/** The request handler of AWS SDK clients that trust the daemon's own certificate. */
export function trusting(server: CertificateFiles): { httpsAgent: Agent } {
  return { httpsAgent: new Agent({ ca: readFileSync(server.certFile) }) };
}
