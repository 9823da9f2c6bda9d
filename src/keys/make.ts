import type { Token } from '../../hsm';
import type { Queryable } from '../db';
import type { Key } from './key';
import type { KeyStore, NewKey } from './store';

interface Parts {
  readonly token: Token;
  readonly keys: KeyStore;
}

/** A key as its row, whose material is still to be made. */
export interface UnmadeKey {
  readonly key: Key;
  /** Makes the material in the token; `undo` is given what destroys it again. */
  readonly generate: (undo: (step: () => Promise<void>) => void) => Promise<void>;
}

/** Inserts a key and its first material, a resident one. The row comes first: what refuses it costs the token nothing. */
export async function makeKey(
  { token, keys }: Parts,
  db: Queryable,
  wanted: Omit<NewKey, 'materialId' | 'tokenSerial'>,
): Promise<UnmadeKey> {
  const tokenSerial = token.status().serial;
  const materialId = token.generateRandom(32).toString('hex');
  const key = await keys.insert(db, { ...wanted, materialId, tokenSerial });
  return {
    key,
    async generate(undo) {
      await keys.lockToken(db, tokenSerial);
      undo(() => token.destroyKey(materialId));
      await token.generateAesKey(materialId, `claviger:key:${wanted.keyId}`);
    },
  };
}
