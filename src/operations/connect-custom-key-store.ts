import { requireConnectionState } from '../custom-key-stores/errors';
import { setConnection } from '../custom-key-stores/stores';
import type { Operation } from '../operation';
import { changed, checkStoreId, lockOwn, storeConditions } from './custom-key-store-rules';

/** Answered before the store is connected: whether it is, DescribeCustomKeyStores tells (kms-semantics §12.1). */
export const connectCustomKeyStore: Operation<'ConnectCustomKeyStore'> = {
  name: 'ConnectCustomKeyStore',
  rest: {
    method: 'POST',
    path: '/custom-key-stores/{CustomKeyStoreId}/connect',
    summary: 'Connects a custom key store.',
  },
  readOnly: false,
  audited: ['CustomKeyStoreId'],
  check: checkStoreId,
  conditions: storeConditions,
  accountActions: () => [{ action: 'kms:ConnectCustomKeyStore', resource: '*' }],

  async write(call, change) {
    const store = await lockOwn(call, change);
    requireConnectionState(store, ['DISCONNECTED', 'CONNECTING', 'CONNECTED']);
    changed(store, change);
    // What is connected stays so, and what is being connected is not begun again.
    if (store.connectionState !== 'DISCONNECTED') return {};
    await setConnection(change.transaction, store.id, { state: 'CONNECTING' });
    const { connecting } = call.services.customKeyStores;
    change.afterwards(() => {
      connecting.begin(store.id);
      return Promise.resolve();
    });
    return {};
  },
};
