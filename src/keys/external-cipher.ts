import type { Decrypted, Encrypted, KeyUse } from './cipher';
import type { Key } from './key';

/**
 * Encrypts with keys of external key stores: under the key's own material, and what comes of that under the external key
 * (kms-semantics §12.4). Fails with KMSInvalidStateException, and a text that says why (§12.3).
 */
export interface ExternalCipher {
  encrypt(key: Key, plaintext: Buffer, use: KeyUse): Promise<Encrypted>;
  decrypt(key: Key, blob: Buffer, use: KeyUse): Promise<Decrypted>;
}
