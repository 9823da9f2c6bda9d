import { readFile } from 'node:fs/promises';
import type { KeyStoresFile, ProxySettings } from '../config/key-stores';
import { type Log, describeError } from '../log';
import type { Metrics } from '../metrics';
import { requireHealthy } from '../xks-client/answers';
import { type XksClient, XksFault } from '../xks-client/client';
import { connectionErrorCode } from '../xks-client/faults';
import type { Polling } from '../xks-client/health-poll';
import { ProxyClient } from '../xks-client/proxy-client';
import { ProxySigner } from '../xks-client/signer';
import { Transport, type TransportOptions } from '../xks-client/transport';
import { ConnectionFault } from './connections';
import type { ExternalStore } from './store';

export interface ExternalConnectorOptions {
  /** Of the credential scope of our requests. */
  readonly region: string;
  readonly proxies: KeyStoresFile['proxies'];
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'proxyRequest' | 'proxyHealth'>;
  /** For one try; AWS KMS has 250. */
  readonly deadlineMs?: number;
  readonly pollMs?: number;
}

type Secret = () => Promise<Buffer>;

const deadlineMs = 250;
/** AWS KMS asks every few minutes; what it answers may be a minute old. */
const pollMs = 60_000;
const breaker = { threshold: 10, pauseMs: 1000, now: () => performance.now() };

/** Makes clients of the XKS proxies that custom key stores of type EXTERNAL_KEY_STORE name. */
export class ExternalConnector {
  constructor(private readonly options: ExternalConnectorOptions) {}

  /** `Connectors.external`: for as long as the store is connected. */
  readonly connect = async (store: ExternalStore, secret: Secret): Promise<XksClient> => {
    let client: XksClient | undefined;
    try {
      client = await this.clientOf(store, secret, this.polling(store));
      requireHealthy(await client.health('ConnectCustomKeyStore'));
      this.options.metrics.proxyHealth(nameOf(store), true);
      return client;
    } catch (cause) {
      await client?.close();
      const code = cause instanceof XksFault ? connectionErrorCode(cause) : 'INTERNAL_ERROR';
      throw new ConnectionFault(code, `the proxy ${nameOf(store)} cannot be used`, { cause });
    }
  };

  /** What CreateCustomKeyStore and UpdateCustomKeyStore ask before they write. Rejects with XksFault. */
  async probe(store: ExternalStore, secret: Secret, kmsOperation: string): Promise<void> {
    const client = await this.clientOf(store, secret);
    try {
      requireHealthy(await client.health(kmsOperation));
    } finally {
      await client.close();
    }
  }

  private async clientOf(
    store: ExternalStore,
    secret: Secret,
    polling?: Polling,
  ): Promise<ProxyClient> {
    const { region, proxies, metrics } = this.options;
    const { hostname, host } = new URL(store.uriEndpoint);
    const transport = new Transport({
      host: hostname,
      ...(await believing(proxies.get(hostname))),
      deadlineMs: this.options.deadlineMs ?? deadlineMs,
    });
    const { accessKeyId } = store;
    return new ProxyClient({
      transport,
      signer: new ProxySigner({ accessKeyId, region, host, secret, now: Date.now }),
      uriPath: store.uriPath,
      breaker,
      onRequest: (event) => metrics.proxyRequest(event),
      ...(polling === undefined ? {} : { polling }),
    });
  }

  private polling(store: ExternalStore): Polling {
    const { log, metrics } = this.options;
    const proxy = nameOf(store);
    return {
      intervalMs: this.options.pollMs ?? pollMs,
      onEnd: () => metrics.proxyHealth(proxy, undefined),
      onChange: (condition, why) => {
        metrics.proxyHealth(proxy, condition === 'healthy');
        if (condition === 'healthy') log.info('an external key store proxy is healthy', { proxy });
        else {
          const fields = { proxy, condition, error: describeError(why) };
          log.warn('an external key store proxy is not healthy', fields);
        }
      },
    };
  }
}

function nameOf({ uriEndpoint, uriPath }: ExternalStore): string {
  return `${uriEndpoint}${uriPath}`;
}

/** What the file of key stores says of the proxy's host. Read at each connecting, so that new files are met then. */
async function believing(
  settings: ProxySettings | undefined,
): Promise<Pick<TransportOptions, 'connectTo' | 'ca' | 'identity'>> {
  if (settings === undefined) return {};
  const { connectTo, caFile, certFile, keyFile } = settings;
  return {
    connectTo: connectTo === undefined ? undefined : addressOf(connectTo),
    ca: caFile === undefined ? undefined : await readFile(caFile),
    identity:
      certFile === undefined || keyFile === undefined
        ? undefined
        : { cert: await readFile(certFile), key: await readFile(keyFile) },
  };
}

/** `host:port`, `[::1]:port` */
function addressOf(text: string): { host: string; port: number } {
  const url = new URL(`https://${text}`);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 443 : Number(url.port),
  };
}
