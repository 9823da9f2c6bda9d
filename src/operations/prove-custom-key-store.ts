import {
  ConnectionFault,
  type Connectors,
  type ProbingOperation,
} from '../custom-key-stores/connections';
import { atProof } from '../custom-key-stores/errors';
import type { CustomKeyStore } from '../custom-key-stores/store';

/**
 * What is asked about a store before it is made or changed, as far as AWS asks: whether there is such a cluster, with this
 * trust anchor; whether a proxy at a public endpoint is well (kms-semantics §12.1). Its password is first tried when the store is
 * connected, and so is a VPC endpoint service, unless the store is connected already.
 */
export async function proveStore(
  connectors: Connectors,
  { of, accountId, connectionState }: CustomKeyStore,
  probe: { readonly secret: () => Promise<Buffer>; readonly operation: ProbingOperation },
): Promise<void> {
  if (of.type === 'AWS_CLOUDHSM') return connectors.requireCluster(of, accountId);
  if (of.connectivity === 'VPC_ENDPOINT_SERVICE' && connectionState !== 'CONNECTED') return;
  try {
    const client = await connectors.external(of, probe.secret, probe.operation);
    await client.close();
  } catch (fault) {
    throw fault instanceof ConnectionFault ? atProof(fault) : fault;
  }
}
