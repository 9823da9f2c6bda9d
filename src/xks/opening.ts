import type { Awaitable } from '../awaitable';
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

/**
 * Decrypts with the material that the metadata names; what comes out is the caller's to wipe. Whatever is wrong with a
 * ciphertext is one InvalidCiphertextException.
 */
export function openSealed({ key, keyring }: KeyInUse, sealed: SealedParts): Awaitable<Buffer> {
  const { aad, metadata, iv, ciphertext, tag } = sealed;
  const material = materialNamedBy(metadata, key.materials);
  if (material === undefined) throw failure('InvalidCiphertextException');
  return keyring.open(key, material, {
    iv,
    ciphertext: Buffer.concat([ciphertext, tag]),
    aad: xksAssociatedData(aad, metadata),
  });
}
