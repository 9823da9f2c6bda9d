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
  readonly pollMs?: number;
}

type Secret = () => Promise<Buffer>;

const connecting: string = 'ConnectCustomKeyStore';
/** AWS KMS's, where the file of key stores has no other. */
const deadlineMs = 250;
/** AWS KMS asks every few minutes; what it answers may be a minute old. */
const pollMs = 60_000;
const breaker = { threshold: 10, pauseMs: 1000, now: () => performance.now() };

/** Makes clients of the XKS proxies that custom key stores of type EXTERNAL_KEY_STORE name. */
export class ExternalConnector {
  /** How many clients ask after a proxy's health: of one that is replaced, the next is there before it goes. */
  private readonly polled = new Map<string, number>();

  constructor(private readonly options: ExternalConnectorOptions) {}

  /** `Connectors.external`. Of a ConnectionFault that a proxy is the reason of, the cause is its XksFault. */
  readonly connect = async (
    store: ExternalStore,
    secret: Secret,
    operation = connecting,
  ): Promise<XksClient> => {
    let client: XksClient | undefined;
    try {
      // Whoever asks for anything else asks once.
      client = await this.clientOf(store, secret, { polled: operation === connecting });
      requireHealthy(await client.health(operation));
      return client;
    } catch (cause) {
      await client?.close();
      const code = cause instanceof XksFault ? connectionErrorCode(cause) : 'INTERNAL_ERROR';
      throw new ConnectionFault(code, `the proxy ${nameOf(store)} cannot be used`, { cause });
    }
  };

  private async clientOf(
    store: ExternalStore,
    secret: Secret,
    { polled }: { readonly polled: boolean },
  ): Promise<ProxyClient> {
    const { region, proxies, metrics } = this.options;
    const { hostname, host } = new URL(store.uriEndpoint);
    const transport = new Transport({
      host: hostname,
      ...(await transportTo(proxies.get(hostname))),
    });
    const { accessKeyId } = store;
    return new ProxyClient({
      transport,
      signer: new ProxySigner({ accessKeyId, region, host, secret, now: Date.now }),
      uriPath: store.uriPath,
      breaker,
      onRequest: (event) => metrics.proxyRequest(event),
      ...(polled && { polling: this.polling(store) }),
    });
  }

  private polling(store: ExternalStore): Polling {
    const { log, metrics } = this.options;
    const proxy = nameOf(store);
    this.count(proxy, 1);
    metrics.proxyHealth(proxy, true);
    return {
      intervalMs: this.options.pollMs ?? pollMs,
      onChange: (condition, why) => {
        metrics.proxyHealth(proxy, condition === 'healthy');
        if (condition === 'healthy') log.info('an external key store proxy is healthy', { proxy });
        else {
          const fields = { proxy, condition, error: describeError(why) };
          log.warn('an external key store proxy is not healthy', fields);
        }
      },
      onEnd: () => {
        if (this.count(proxy, -1) === 0) metrics.proxyHealth(proxy, undefined);
      },
    };
  }

  private count(proxy: string, more: number): number {
    const count = (this.polled.get(proxy) ?? 0) + more;
    if (count === 0) this.polled.delete(proxy);
    else this.polled.set(proxy, count);
    return count;
  }
}

function nameOf({ uriEndpoint, uriPath }: ExternalStore): string {
  return `${uriEndpoint}${uriPath}`;
}

/** What the file of key stores says of the proxy's host. Read at each connecting, so that new files are met then. */
async function transportTo(
  settings: ProxySettings | undefined,
): Promise<Omit<TransportOptions, 'host'>> {
  if (settings === undefined) return { deadlineMs };
  const { connectTo, caFile, certFile, keyFile } = settings;
  return {
    connectTo: connectTo === undefined ? undefined : addressOf(connectTo),
    ca: caFile === undefined ? undefined : await readFile(caFile),
    identity:
      certFile === undefined || keyFile === undefined
        ? undefined
        : { cert: await readFile(certFile), key: await readFile(keyFile) },
    deadlineMs: settings.deadlineMs ?? deadlineMs,
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
