import type { RequestMetadata } from '../xks/metadata';
import type { Key } from './key';
import type { EncryptionContext } from './keyring';

/** What a key is used for. */
export interface KeyUse {
  readonly context: EncryptionContext | undefined;
  /** What the proxy of an external key store is told of it; asked for by who tells it. */
  readonly about: (key: Key) => RequestMetadata;
}

export interface Encrypted {
  readonly blob: Buffer;
  /** Where answers name it (shownMaterialId): the others have one material alone (kms-semantics §4.3). */
  readonly keyMaterialId: string | undefined;
}

export interface Decrypted {
  /** The caller's to wipe. */
  readonly plaintext: Buffer;
  readonly keyMaterialId: string | undefined;
}

/** What an EncryptionAlgorithm does with a key whose spec has it. */
export interface Cipher {
  /** Throws ValidationException for more bytes, which `member` brings, than the algorithm takes under the key (kms-semantics §3.3). */
  requireFits(key: Key, bytes: number, member: string): void;
  encrypt(key: Key, plaintext: Buffer, use: KeyUse): Promise<Encrypted>;
  /** Throws InvalidCiphertextException, one error for every reason. */
  decrypt(key: Key, blob: Buffer, use: KeyUse): Promise<Decrypted>;
}
