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
import { isNear, lookupAfar, tooNear } from '../xks-client/near';
import { Transport } from '../xks-client/transport';
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
      // Of a secret that cannot be had the store is not the reason.
      if (!(cause instanceof XksFault)) throw cause;
      const message = `the proxy ${nameOf(store)} cannot be used`;
      throw new ConnectionFault(connectionErrorCode(cause), message, { cause });
    }
  };

  private async clientOf(
    store: ExternalStore,
    secret: Secret,
    { polled }: { readonly polled: boolean },
  ): Promise<ProxyClient> {
    const { region, proxies, metrics } = this.options;
    const { hostname, host } = endpointOf(store);
    const transport = await transportTo(hostname, proxies.get(hostname));
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

/** What the shape of a request lets through may be no host all the same: `https://1.2.3.4.5`. */
function endpointOf({ uriEndpoint }: ExternalStore): URL {
  if (URL.canParse(uriEndpoint)) return new URL(uriEndpoint);
  throw new XksFault('unreachable', 'the endpoint is no URL');
}

function nameOf({ uriEndpoint, uriPath }: ExternalStore): string {
  return `${uriEndpoint}${uriPath}`;
}

/** As the file of key stores has it. Its files are read at each connecting, so that new ones are met then. */
async function transportTo(host: string, given: ProxySettings | undefined): Promise<Transport> {
  // What is on this machine is none of the callers', unless the operator has put it there.
  const lookup = given === undefined ? lookupAfar : undefined;
  if (lookup !== undefined && isNear(host)) throw tooNear(host);
  const settings = given ?? {};
  const { connectTo, caFile, certFile, keyFile } = settings;
  try {
    return new Transport({
      host,
      connectTo: connectTo === undefined ? undefined : addressOf(connectTo),
      ca: caFile === undefined ? undefined : await readFile(caFile),
      identity:
        certFile === undefined || keyFile === undefined
          ? undefined
          : { cert: await readFile(certFile), key: await readFile(keyFile) },
      deadlineMs: settings.deadlineMs ?? deadlineMs,
      lookup,
    });
  } catch (cause) {
    const message = `the certificates for the proxy ${host} cannot be used`;
    throw new ConnectionFault('INTERNAL_ERROR', message, { cause });
  }
}

/** `host:port`, `[::1]:port` */
function addressOf(text: string): { host: string; port: number } {
  const url = new URL(`https://${text}`);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 443 : Number(url.port),
  };
}
