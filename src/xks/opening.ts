import type { Key } from '../keys/key';
import type { Keyring } from '../keys/keyring';
import { xksAssociatedData } from './associated-data';
import type { SealedParts } from './cdiv';
import { materialNamedBy } from './ciphertext-metadata';
import { failure } from './failures';

/** A KMS key behind an external key, and what opens and seals with it. */
export interface KeyInUse {
  readonly key: Key;
  readonly keyring: Pick<Keyring, 'open' | 'seal'>;
}

export interface Opened {
  /** The caller's to wipe. */
  readonly plaintext: Buffer;
  readonly keyMaterialId: string;
}

/**
 * Decrypts with the material that the metadata names. Whatever is wrong with a ciphertext is one
 * InvalidCiphertextException.
 */
export async function openSealed(
  { key, keyring }: KeyInUse,
  { aad, metadata, iv, ciphertext, tag }: SealedParts,
): Promise<Opened> {
  const material = materialNamedBy(metadata, key.materials);
  if (material === undefined) throw failure('InvalidCiphertextException');
  const plaintext = await keyring.open(key, material, {
    iv,
    ciphertext: Buffer.concat([ciphertext, tag]),
    aad: xksAssociatedData(aad, metadata),
  });
  return { plaintext, keyMaterialId: material.id };
}
