import type { Token } from '../hsm';
import { type Config, keyStores } from './config';
import { CloudHsmConnector } from './custom-key-stores/cloud-hsm';
import type { Connectors } from './custom-key-stores/connections';
import { ExternalConnector } from './custom-key-stores/external';
import type { Log } from './log';
import type { Metrics } from './metrics';

export interface StoreConnectorParts {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The daemon's own: no store can be the same one. */
  readonly token: Pick<Token, 'status'>;
}

/** How custom key stores are connected. Reads the file of key stores. Throws ConfigError when it cannot be used. */
export function storeConnectors({ config, log, metrics, token }: StoreConnectorParts): Connectors {
  const { clusters, proxies } = keyStores(config);
  const cloudHsm = new CloudHsmConnector({
    clusters,
    ownSerial: () => token.status().serial,
    maxCachedKeys: config.tokenCachedKeys,
    log,
    onOperation: (operation, seconds, outcome) =>
      metrics.tokenOperation(operation, seconds, outcome),
  });
  const external = new ExternalConnector({ region: config.region, proxies, log, metrics });
  return {
    requireCluster: cloudHsm.requireCluster,
    cloudHsm: cloudHsm.connect,
    external: external.connect,
  };
}
