import type { Token } from '../../hsm';
import type { XksClient } from '../xks-client/client';
import type { Connectors } from './connections';
import type { StoreSecrets } from './secrets';
import type { CustomKeyStore } from './store';

/** An open connection, and the store as it was connected. */
export type Connection =
  | { readonly store: CustomKeyStore; readonly type: 'AWS_CLOUDHSM'; readonly to: Token }
  | { readonly store: CustomKeyStore; readonly type: 'EXTERNAL_KEY_STORE'; readonly to: XksClient };

/** Rejects with ConnectionFault, or with what keeps the secret from being opened. */
export async function openConnection(
  store: CustomKeyStore,
  { connectors, secrets }: { readonly connectors: Connectors; readonly secrets: StoreSecrets },
): Promise<Connection> {
  const secret = (): Promise<Buffer> => secrets.open(store);
  const { of } = store;
  if (of.type === 'AWS_CLOUDHSM') {
    return { store, type: of.type, to: await connectors.cloudHsm(of, secret) };
  }
  const to = await connectors.external(of, secret, 'ConnectCustomKeyStore');
  return { store, type: of.type, to };
}

/** A token in any other state is found again by itself. */
export function isOver({ type, to }: Connection): boolean {
  if (type !== 'AWS_CLOUDHSM') return false;
  const { state } = to.status();
  return state === 'failed' || state === 'closed';
}
