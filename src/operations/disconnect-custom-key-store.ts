import { requireConnectionState } from '../custom-key-stores/errors';
import { setConnection } from '../custom-key-stores/stores';
import type { Operation } from '../operation';
import { changed, checkStoreId, lockOwn, storeConditions } from './custom-key-store-rules';

/** It is answered when every worker has closed its connection: AWS's DISCONNECTING is over by then. */
export const disconnectCustomKeyStore: Operation<'DisconnectCustomKeyStore'> = {
  name: 'DisconnectCustomKeyStore',
  rest: {
    method: 'POST',
    path: '/custom-key-stores/{CustomKeyStoreId}/disconnect',
    summary: 'Disconnects a custom key store: its keys cannot be used until it is connected.',
  },
  readOnly: false,
  audited: ['CustomKeyStoreId'],
  check: checkStoreId,
  conditions: storeConditions,
  accountActions: () => [{ action: 'kms:DisconnectCustomKeyStore', resource: '*' }],

  async write(call, change) {
    const store = await lockOwn(call, change);
    requireConnectionState(store, ['CONNECTED', 'CONNECTING', 'FAILED']);
    await setConnection(change.transaction, store.id, { state: 'DISCONNECTED' });
    changed(store, change);
    return {};
  },
};
