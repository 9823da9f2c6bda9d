import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  DescribeCustomKeyStoresCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { issueCertificate, makeAuthority } from './certificates';
import { type TestDaemon, serve, startDaemon } from './daemon';
import { freePort } from './free-port';
import { until } from './until';
import { type XksCredential, makeXksCredential, xks } from './xks-commands';

const proxyEndpoint = 'https://xks.example.test';
/** The same proxy under names that the KMS is told other things of. */
export const strangers = {
  untrusted: 'https://untrusted.example.test',
  withoutCertificate: 'https://without-certificate.example.test',
  otherName: 'https://other-name.example.test',
  away: 'https://away.example.test',
};
export const prefix = '/payments';
export const uriPath = `${prefix}/kms/xks/v1`;

/** A Claviger, and another one that is the proxy of an external key store of it, over TLS with client certificates. */
export interface TwoClavigers {
  readonly kms: TestDaemon;
  /** Who has the external keys. */
  readonly manager: TestDaemon;
  readonly credential: XksCredential;
  /** The manager again, on the same port, when it was stopped; ends with the test. */
  restartManager(): Promise<void>;
  remove(): Promise<void>;
}

/** No answer takes as long, however busy the machine is. */
const wideMs = 20_000;

export async function startTwoClavigers(): Promise<TwoClavigers> {
  const directory = mkdtempSync(join(tmpdir(), 'claviger-two-'));
  const port = await freePort();
  const certificates = certificatesIn(directory);
  const file = join(directory, 'key-stores.json');
  writeFileSync(file, JSON.stringify(await keyStoresFile(port, certificates)));
  const [kms, manager] = await Promise.all([
    startDaemon({ environment: { CLAVIGER_KEY_STORES_FILE: file } }),
    startDaemon({
      environment: {
        CLAVIGER_XKS_PORT: String(port),
        CLAVIGER_XKS_TLS_CERT_FILE: certificates.server.certFile,
        CLAVIGER_XKS_TLS_KEY_FILE: certificates.server.keyFile,
        CLAVIGER_XKS_CLIENT_CA_FILE: certificates.authority.certFile,
        CLAVIGER_XKS_CLIENT_SUBJECT: certificates.subject,
        CLAVIGER_XKS_DEADLINE_MS: String(wideMs),
      },
    }),
  ]);
  await xks(manager, 'store', 'create', prefix);
  const credential = await makeXksCredential(manager, prefix);
  const again: ChildProcess[] = [];
  return {
    kms,
    manager,
    credential,
    restartManager: async () => void again.push((await serve(manager.environment)).child),
    remove: async () => {
      const ended = again
        .filter(({ exitCode }) => exitCode === null)
        .map((child) => once(child, 'exit'));
      for (const child of again) child.kill();
      await Promise.all(ended);
      await Promise.all([kms.remove(), manager.remove()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function certificatesIn(directory: string) {
  const authority = makeAuthority(directory, 'authority');
  const subject = 'cks.kms.us-east-1.amazonaws.com';
  const names = [proxyEndpoint, strangers.untrusted, strangers.withoutCertificate];
  const alternatives = names.map((url) => `DNS:${new URL(url).hostname}`).join(',');
  const server = issueCertificate(authority, directory, {
    name: 'server',
    subject: '/CN=xks.example.test',
    extensions: [`subjectAltName=${alternatives}`, 'extendedKeyUsage=serverAuth'],
  });
  const client = issueCertificate(authority, directory, {
    name: 'client',
    subject: `/CN=${subject}`,
  });
  return { authority, server, client, subject };
}

async function keyStoresFile(
  port: number,
  { authority, client }: ReturnType<typeof certificatesIn>,
): Promise<object> {
  const connectTo = `127.0.0.1:${port}`;
  const caFile = authority.certFile;
  const right = { connectTo, caFile, ...client, deadlineMs: wideMs };
  const { caFile: _, ...untrusted } = right;
  const entries: readonly [string, object][] = [
    [proxyEndpoint, right],
    [strangers.untrusted, untrusted],
    [strangers.withoutCertificate, { connectTo, caFile, deadlineMs: wideMs }],
    [strangers.otherName, right],
    [strangers.away, { ...right, connectTo: `127.0.0.1:${await freePort()}` }],
  ];
  return {
    proxies: Object.fromEntries(entries.map(([url, entry]) => [new URL(url).hostname, entry])),
  };
}

/** What CreateCustomKeyStore takes, and what a test wants different. */
export function storeInput(credential: XksCredential, different: object = {}) {
  return {
    CustomKeyStoreName: 'the external one',
    CustomKeyStoreType: 'EXTERNAL_KEY_STORE' as const,
    XksProxyConnectivity: 'PUBLIC_ENDPOINT' as const,
    XksProxyUriEndpoint: proxyEndpoint,
    XksProxyUriPath: uriPath,
    XksProxyAuthenticationCredential: {
      AccessKeyId: credential.AccessKeyId,
      RawSecretAccessKey: credential.RawSecretAccessKey,
    },
    ...different,
  };
}

/** Makes the store and connects it; gives its id. */
export async function connectedStore(
  client: KMSClient,
  credential: XksCredential,
): Promise<string> {
  const made = await client.send(new CreateCustomKeyStoreCommand(storeInput(credential)));
  const { CustomKeyStoreId = '' } = made;
  await connect(client, CustomKeyStoreId);
  return CustomKeyStoreId;
}

export async function connect(client: KMSClient, CustomKeyStoreId: string): Promise<void> {
  await client.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
  await until('the store is connected', async () => {
    const { CustomKeyStores: [store] = [] } = await client.send(
      new DescribeCustomKeyStoresCommand({ CustomKeyStoreId }),
    );
    if (store?.ConnectionState === 'FAILED') throw new Error(store.ConnectionErrorCode);
    return store?.ConnectionState === 'CONNECTED';
  });
}
