import type { Token } from '../../hsm';
import type { Transaction } from '../db';
import type { DoomedKey, DoomedMaterial } from '../keys/deletion';
import { destroyObject, doom } from '../keys/doomed-objects';
import type { KeyTokens } from '../keys/key-tokens';
import { lockToken } from '../keys/token-lock';

/** What became of material in the token of a custom key store. */
export interface StoreOutcome {
  readonly material: DoomedMaterial;
  readonly destroyed: boolean;
}

type Store = NonNullable<DoomedMaterial['store']>;

/**
 * Destroys what a deleted key has in the token of its custom key store, as well as that can be done now: the key is gone
 * whatever the token says (kms-semantics §10). What stays is entered, so that it is destroyed when the token can be reached.
 */
export async function destroyInStore(
  { keyTokens }: { readonly keyTokens: Pick<KeyTokens, 'ofStore'> },
  transaction: Transaction,
  { materials }: DoomedKey,
): Promise<readonly StoreOutcome[]> {
  const outcomes: StoreOutcome[] = [];
  for (const material of materials) {
    const { store } = material;
    if (store === undefined) continue;
    const token = await reach(keyTokens, store, material);
    const destroyed = token !== undefined && (await destroy(token, transaction, material));
    if (!destroyed) await enter(transaction, store, material);
    outcomes.push({ material, destroyed });
  }
  return outcomes;
}

/** Its token, where it can be had; undefined where the store is not connected, or is connected to another. */
async function reach(
  keyTokens: Pick<KeyTokens, 'ofStore'>,
  { id }: Store,
  { tokenSerial }: DoomedMaterial,
): Promise<Token | undefined> {
  try {
    const token = await keyTokens.ofStore(id);
    return token.status().serial === tokenSerial ? token : undefined;
  } catch {
    return undefined;
  }
}

async function destroy(
  token: Token,
  transaction: Transaction,
  { materialId: tokenKeyId, tokenSerial, kind }: DoomedMaterial,
): Promise<boolean> {
  // SoftHSM misses what another process changes beside it, and what is missed would stay.
  await lockToken(transaction, tokenSerial);
  return destroyObject(token, { tokenKeyId, kind }).then(
    () => true,
    () => false,
  );
}

async function enter(
  transaction: Transaction,
  { id: customKeyStoreId }: Store,
  { materialId: tokenKeyId, tokenSerial, kind }: DoomedMaterial,
): Promise<void> {
  await doom(transaction, { tokenKeyId, tokenSerial, kind, customKeyStoreId, dueInSeconds: 0 });
}

/** What CloudTrail's DeleteKey says of a key in a custom key store (kms-semantics §16.4). */
export function storeMembers(
  { customKeyStoreId, xksKeyId }: DoomedKey,
  outcomes: readonly StoreOutcome[],
): Readonly<Record<string, unknown>> | undefined {
  if (customKeyStoreId === undefined) return undefined;
  const keys = outcomes.map(({ material, destroyed }) => ({
    backingKeyId: material.materialId,
    deletionStatus: destroyed ? 'SUCCESS' : 'FAILURE',
  }));
  return {
    customKeyStoreId,
    ...(xksKeyId !== undefined && { xksKeyId }),
    ...(keys.length > 0 && {
      clusterId: outcomes[0]?.material.store?.clusterId,
      backingKeys: JSON.stringify(keys.map(({ backingKeyId }) => ({ backingKeyId }))),
      backingKeysDeletionStatus: JSON.stringify(keys),
    }),
  };
}
