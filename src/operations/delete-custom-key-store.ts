import { requireConnectionState } from '../custom-key-stores/errors';
import { hasKeys, removeStore } from '../custom-key-stores/stores';
import { KmsError } from '../errors';
import type { Operation } from '../operation';
import { changed, checkStoreId, lockOwn, storeConditions } from './custom-key-store-rules';

export const deleteCustomKeyStore: Operation<'DeleteCustomKeyStore'> = {
  name: 'DeleteCustomKeyStore',
  rest: {
    method: 'DELETE',
    path: '/custom-key-stores/{CustomKeyStoreId}',
    summary: 'Deletes a custom key store that has no keys.',
  },
  readOnly: false,
  audited: ['CustomKeyStoreId'],
  check: checkStoreId,
  conditions: storeConditions,
  accountActions: () => [{ action: 'kms:DeleteCustomKeyStore', resource: '*' }],

  async write(call, change) {
    const store = await lockOwn(call, change);
    requireConnectionState(store, ['DISCONNECTED']);
    if (await hasKeys(change.transaction, store.id)) {
      throw new KmsError(
        'CustomKeyStoreHasCMKsException',
        `The custom key store ${store.id} contains KMS keys.`,
      );
    }
    await removeStore(change.transaction, store.id);
    changed(store, change);
    return {};
  },
};
