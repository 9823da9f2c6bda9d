import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExternallySealed, XksFault, type XksFaultKind } from '../../src/xks-client/client';
import { ProxyClient, type ProxyRequestEvent } from '../../src/xks-client/proxy-client';
import { ProxySigner } from '../../src/xks-client/signer';
import { Transport, type TransportOptions } from '../../src/xks-client/transport';
import { type CertificateFiles, issueCertificate, makeAuthority } from './certificates';
import { type TestProxy, proxyCredential, proxyRegion, startProxy } from './xks-proxy';

export const host = 'proxy.example.test';
export const about = {
  kmsRequestId: '4112f4d6-db54-4af4-ae30-c55a22a8dfae',
  kmsOperation: 'Encrypt',
  awsPrincipalArn: 'arn:aws:iam::111122223333:user/Alice',
  kmsKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
};
export const plaintext = Buffer.from('the inner layer');
export const aad = Buffer.from('header and digest');

/** No answer on this machine takes as long; a test that waits for the deadline sets its own. */
const wideMs = 20_000;

export interface Different extends Partial<TransportOptions> {
  readonly port?: number;
  readonly secret?: () => Promise<Buffer>;
  readonly now?: () => number;
  readonly onRequest?: (event: ProxyRequestEvent) => void;
  readonly threshold?: number;
}

/** A proxy, an authority that its certificate is of, and clients of it. */
export interface ProxyStage {
  readonly directory: string;
  readonly authority: CertificateFiles;
  readonly proxy: TestProxy;
  serverCertificate(name: string, options?: { of?: string; days?: number }): CertificateFiles;
  /** Believes the authority, and is patient. */
  client(different?: Different): ProxyClient;
  closeClients(): Promise<void>;
  close(): Promise<void>;
}

export async function openProxyStage(): Promise<ProxyStage> {
  const directory = mkdtempSync(join(tmpdir(), 'claviger-xks-client-'));
  const authority = makeAuthority(directory, 'authority');
  const serverCertificate: ProxyStage['serverCertificate'] = (name, { of = host, days = 2 } = {}) =>
    issueCertificate(authority, directory, {
      name,
      subject: `/CN=${of}`,
      days,
      extensions: [`subjectAltName=DNS:${of}`, 'extendedKeyUsage=serverAuth'],
    });
  const proxy = await startProxy(serverCertificate('proxy'));
  const open: ProxyClient[] = [];
  const closeClients = async (): Promise<void> => {
    await Promise.all(open.splice(0).map((client) => client.close()));
  };
  return {
    directory,
    authority,
    proxy,
    serverCertificate,
    client({ port = proxy.port, ...different } = {}) {
      const ca = readFileSync(authority.certFile);
      const connectTo = { host: '127.0.0.1', port };
      const transport = { host, connectTo, ca, deadlineMs: wideMs, ...different };
      const client = clientOver(new Transport(transport), different);
      open.push(client);
      return client;
    },
    closeClients,
    close: async () => {
      await closeClients();
      await proxy.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function clientOver(transport: Transport, different: Different): ProxyClient {
  return new ProxyClient({
    transport,
    signer: new ProxySigner({
      accessKeyId: proxyCredential.accessKeyId,
      region: proxyRegion,
      host,
      secret: different.secret ?? (() => Promise.resolve(Buffer.from(proxyCredential.secret))),
      now: different.now ?? Date.now,
    }),
    uriPath: '/prefix/kms/xks/v1',
    breaker: {
      threshold: different.threshold ?? 1000,
      pauseMs: 60_000,
      now: () => performance.now(),
    },
    ...(different.onRequest === undefined ? {} : { onRequest: different.onRequest }),
  });
}

export async function faultOf(
  work: Promise<unknown>,
): Promise<{ readonly kind: XksFaultKind; readonly message: string }> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof XksFault)) throw new Error('no XksFault', { cause: thrown });
  return { kind: thrown.kind, message: thrown.message };
}

export function encrypting(client: ProxyClient, id = 'the-key'): Promise<ExternallySealed> {
  return client.encrypt(id, { plaintext, aad, about });
}
