import { requireConnectionState } from '../custom-key-stores/errors';
import type { CustomKeyStore } from '../custom-key-stores/store';
import type { Awaitable } from '../awaitable';
import { KmsError, invalidMember } from '../errors';
import { tokenFailure } from '../keys/store-failures';
import type { Call } from '../operation';
import type { CreateKeyRequest, CustomKeyStoreType, OriginType } from '../shapes/kms.generated';
import { checkTexts, requireOwn } from './custom-key-store-rules';

/** Keys of these origins are in a store of the same name. */
export function storeTypeOf(origin: OriginType): CustomKeyStoreType | undefined {
  return origin === 'AWS_CLOUDHSM' || origin === 'EXTERNAL_KEY_STORE' ? origin : undefined;
}

/** What a CreateKey must say of its custom key store, and what it cannot say without one (kms-semantics §3.2). */
export function checkStoreMembers(input: CreateKeyRequest): void {
  const { Origin: origin = 'AWS_KMS', CustomKeyStoreId, XksKeyId } = input;
  const members = [
    ['CustomKeyStoreId', CustomKeyStoreId, storeTypeOf(origin) !== undefined],
    ['XksKeyId', XksKeyId, origin === 'EXTERNAL_KEY_STORE'],
  ] as const;
  for (const [member, value, wanted] of members) {
    if (wanted && value === undefined) {
      throw invalidMember(member, `${member} is required for KMS keys with Origin ${origin}.`);
    }
    if (!wanted && value !== undefined) {
      throw invalidMember(member, `${member} is not valid for KMS keys with Origin ${origin}.`);
    }
  }
  checkTexts({ CustomKeyStoreId });
}

/**
 * The store that a request names, which is to make or do something: one of the caller's, of that type, and connected. Throws
 * CustomKeyStoreNotFoundException, UnsupportedOperationException, CustomKeyStoreInvalidStateException.
 */
export function requireConnected(
  call: Pick<Call<'CreateKey' | 'GenerateRandom'>, 'caller'>,
  found: { readonly id: string; readonly store: CustomKeyStore | undefined },
  type: CustomKeyStoreType,
): CustomKeyStore {
  const store = requireOwn(call, found.id, found.store);
  if (store.of.type !== type) {
    throw new KmsError(
      'UnsupportedOperationException',
      `The type of the custom key store ${store.id} is ${store.of.type}, which is not valid for this operation.`,
    );
  }
  requireConnectionState(store, ['CONNECTED']);
  return store;
}

/** What keeps a key from being used is the store's state where there is no key yet (kms-semantics §12.3). */
export async function inStore<T>(work: () => Awaitable<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const failure = tokenFailure(thrown);
    if (!(failure instanceof KmsError) || failure.code !== 'KMSInvalidStateException')
      throw failure;
    throw new KmsError('CustomKeyStoreInvalidStateException', failure.message, { cause: thrown });
  }
}
