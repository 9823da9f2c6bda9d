import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CreateCustomKeyStoreCommand,
  type CreateCustomKeyStoreCommandInput,
  type CustomKeyStoresListEntry,
  DescribeCustomKeyStoresCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { makeCertificate } from './certificates';
import { type TestDaemon, type TestDaemonOptions, startDaemon } from './daemon';
import { type SoftHsm, makeSoftHsm } from './softhsm';
import { until } from './until';
import { type TestProxy, proxyCredential, startProxy } from './xks-proxy';

/** The clusters that the file of key stores names. */
export const clusterIds = ['cluster-aaaaaaaaaaa', 'cluster-bbbbbbbbbbb'] as const;

/** A daemon whose file of key stores names two further tokens and a proxy. */
export interface KeyStoreStage {
  readonly daemon: TestDaemon;
  readonly kms: KMSClient;
  /** The tokens of the clusters. */
  readonly tokens: readonly [SoftHsm, SoftHsm];
  /** The trust anchor of the first, which is that of the second too. */
  readonly trustAnchor: string;
  /** A certificate of nobody's. */
  readonly otherAnchor: string;
  readonly proxy: TestProxy;
  /** What CreateCustomKeyStore is told of the first cluster, and what a test wants different. */
  cloudHsm(different?: Partial<CreateCustomKeyStoreCommandInput>): CreateCustomKeyStoreCommandInput;
  /** The same of the proxy. */
  external(different?: Partial<CreateCustomKeyStoreCommandInput>): CreateCustomKeyStoreCommandInput;
  create(input: CreateCustomKeyStoreCommandInput): Promise<string>;
  describe(CustomKeyStoreId: string): Promise<CustomKeyStoresListEntry>;
  /** Waits until the store is CONNECTED, or whatever else. */
  isIn(CustomKeyStoreId: string, ConnectionState: string): Promise<void>;
  remove(): Promise<void>;
}

export async function openKeyStoreStage(options: TestDaemonOptions = {}): Promise<KeyStoreStage> {
  const home = await mkdtemp(path.join(tmpdir(), 'claviger-key-stores-'));
  const tokens = [await makeSoftHsm(), await makeSoftHsm()] as const;
  const anchor = makeCertificate(home, 'anchor');
  const other = makeCertificate(home, 'other');
  const ofProxy = makeCertificate(home, 'proxy');
  const proxy = await startProxy(ofProxy);
  const file = path.join(home, 'key-stores.json');
  const clusterOf = ({ module, label, serial, conf }: SoftHsm) => ({
    ...{ module, label, serial, local: true, trustAnchorFile: anchor.certFile },
    environment: { SOFTHSM2_CONF: conf },
  });
  const clusters = {
    [clusterIds[0]]: clusterOf(tokens[0]),
    [clusterIds[1]]: clusterOf(tokens[1]),
  };
  const proxies = {
    '127.0.0.1': {
      connectTo: `127.0.0.1:${proxy.port}`,
      caFile: ofProxy.certFile,
      // Of a busy machine.
      deadlineMs: 15_000,
    },
  };
  await writeFile(file, JSON.stringify({ clusters, proxies }));
  const daemon = await startDaemon({
    ...options,
    environment: { CLAVIGER_KEY_STORES_FILE: file, ...options.environment },
  });
  const kms = daemon.client();
  const trustAnchor = readFileSync(anchor.certFile, 'utf8');
  let made = 0;
  const CustomKeyStoreName = (): string => `store ${(made += 1)}`;
  const describe: KeyStoreStage['describe'] = async (CustomKeyStoreId) => {
    const asking = new DescribeCustomKeyStoresCommand({ CustomKeyStoreId });
    const [entry] = (await kms.send(asking)).CustomKeyStores ?? [];
    if (entry === undefined) throw new Error('a store was not described');
    return entry;
  };
  return {
    ...{ daemon, kms, tokens, trustAnchor, proxy, describe },
    otherAnchor: readFileSync(other.certFile, 'utf8'),
    cloudHsm: (different = {}) => ({
      CustomKeyStoreName: CustomKeyStoreName(),
      CloudHsmClusterId: clusterIds[0],
      KeyStorePassword: tokens[0].pin,
      TrustAnchorCertificate: trustAnchor,
      ...different,
    }),
    external: (different = {}) => ({
      CustomKeyStoreName: CustomKeyStoreName(),
      CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
      XksProxyConnectivity: 'PUBLIC_ENDPOINT',
      XksProxyUriEndpoint: 'https://127.0.0.1',
      XksProxyUriPath: '/kms/xks/v1',
      XksProxyAuthenticationCredential: {
        AccessKeyId: proxyCredential.accessKeyId,
        RawSecretAccessKey: proxyCredential.secret,
      },
      ...different,
    }),
    create: async (input) => {
      const { CustomKeyStoreId } = await kms.send(new CreateCustomKeyStoreCommand(input));
      if (CustomKeyStoreId === undefined) throw new Error('a store was made without an id');
      return CustomKeyStoreId;
    },
    isIn: (id, state) =>
      until(`the store is ${state}`, async () => (await describe(id)).ConnectionState === state),
    remove: async () => {
      await daemon.remove();
      await Promise.all([
        ...tokens.map((token) => token.remove()),
        proxy.close(),
        rm(home, { recursive: true, force: true }),
      ]);
    },
  };
}
