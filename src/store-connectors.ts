import { type Connectors, ConnectionFault } from './custom-key-stores/connections';
import { KmsError } from './errors';

/** How custom key stores are connected. */
export function storeConnectors(): Connectors {
  return {
    requireCluster: ({ clusterId }) => {
      throw new KmsError(
        'CloudHsmClusterNotFoundException',
        `The cluster ${clusterId} does not exist.`,
      );
    },
    cloudHsm: ({ clusterId }) =>
      Promise.reject(new ConnectionFault('CLUSTER_NOT_FOUND', `there is no cluster ${clusterId}`)),
    external: ({ uriEndpoint }) =>
      Promise.reject(
        new ConnectionFault('XKS_PROXY_NOT_REACHABLE', `${uriEndpoint} is not reached`),
      ),
  };
}
