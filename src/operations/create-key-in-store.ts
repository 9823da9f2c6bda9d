import { findStore, holdStore } from '../custom-key-stores/stores';
import type { Queryable } from '../db';
import { materialKind } from '../keys/material-use';
import { chooseSpec } from '../keys/specs';
import type { NewKey } from '../keys/store';
import type { Call } from '../operation';
import { requireExternalKey } from './external-key';
import { inStore, requireConnected, storeTypeOf } from './keys-in-stores';

type CreateKeyCall = Call<'CreateKey'>;
type StoreOfNewKey = Pick<NewKey, 'customKeyStoreId' | 'xksKeyId'>;

/**
 * What keeps the custom key store of a new key from having it: asked before the transaction, as a token or a proxy has to
 * answer.
 */
export async function requireRoomInStore(call: CreateKeyCall): Promise<void> {
  const { input, services } = call;
  const of = await storeOf(call, (id) => findStore(services.db, id));
  if (of.customKeyStoreId === undefined) return;
  const { customKeyStoreId: storeId, xksKeyId } = of;
  if (xksKeyId !== undefined) return requireExternalKey(call, { storeId, xksKeyId });
  const kind = materialKind(chooseSpec(input));
  await inStore(async () => (await services.keyTokens.ofStore(storeId)).requireKind(kind));
}

/** The custom key store of a new key, which nobody disconnects or deletes until the transaction ends. */
export function holdStoreOf(call: CreateKeyCall, transaction: Queryable): Promise<StoreOfNewKey> {
  return storeOf(call, (id) => holdStore(transaction, id));
}

async function storeOf(
  call: CreateKeyCall,
  find: (id: string) => ReturnType<typeof findStore>,
): Promise<StoreOfNewKey> {
  const { CustomKeyStoreId: id, XksKeyId: xksKeyId, Origin = 'AWS_KMS' } = call.input;
  const type = storeTypeOf(Origin);
  if (id === undefined || type === undefined) return {};
  const { id: customKeyStoreId } = requireConnected(call, { id, store: await find(id) }, type);
  return { customKeyStoreId, ...(xksKeyId !== undefined && { xksKeyId }) };
}
