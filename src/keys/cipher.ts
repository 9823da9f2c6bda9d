import type { Key } from './key';
import type { EncryptionContext } from './keyring';

export interface Encrypted {
  readonly blob: Buffer;
  /** Of symmetric keys: the others have one material alone, and answers do not name it (kms-semantics §4.3). */
  readonly keyMaterialId: string | undefined;
}

export interface Decrypted {
  /** The caller's to wipe. */
  readonly plaintext: Buffer;
  readonly keyMaterialId: string | undefined;
}

/** What an EncryptionAlgorithm does with a key whose spec has it. */
export interface Cipher {
  /** Throws ValidationException for more bytes than the algorithm takes under the key (kms-semantics §3.3). */
  requireFits(key: Key, bytes: number): void;
  encrypt(key: Key, plaintext: Buffer, context: EncryptionContext | undefined): Promise<Encrypted>;
  /** Throws InvalidCiphertextException, one error for every reason. */
  decrypt(key: Key, blob: Buffer, context: EncryptionContext | undefined): Promise<Decrypted>;
}
