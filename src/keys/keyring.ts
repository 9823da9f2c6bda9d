import type { Token } from '../../hsm';
import { KmsError } from '../errors';
import { type Ciphertext, associatedData, encodeCiphertext } from './ciphertext';
import { encryptionContextDigest } from './encryption-context';
import type { Key } from './key';

export type EncryptionContext = Readonly<Record<string, string>>;

export interface Decrypted {
  readonly plaintext: Buffer;
  readonly keyMaterialId: string;
}

/** Encrypts and decrypts with a key's materials in the token, in Claviger's ciphertext format. */
export class Keyring {
  constructor(private readonly token: Token) {}

  /** Encrypts 1 to 4096 bytes under the key's current material. */
  async encrypt(
    key: Key,
    plaintext: Buffer,
    context: EncryptionContext | undefined,
  ): Promise<{ blob: Buffer; keyMaterialId: string }> {
    const keyMaterialId = key.currentMaterialId;
    if (keyMaterialId === undefined) {
      throw new KmsError('KMSInvalidStateException', `${key.arn} is pending import.`);
    }
    const aad = associatedData(key.keyId, keyMaterialId, encryptionContextDigest(context));
    const sealed = await this.token.encryptAesGcm(keyMaterialId, aad, plaintext);
    return {
      blob: encodeCiphertext({
        keyId: key.keyId,
        keyMaterialId,
        iv: sealed.iv,
        sealed: sealed.ciphertext,
      }),
      keyMaterialId,
    };
  }

  /**
   * Decrypts with the material that the blob names, if the key retains it.
   * Throws InvalidCiphertextException, one error for every reason (kms-semantics §4.2).
   */
  async decrypt(
    key: Key,
    ciphertext: Ciphertext,
    context: EncryptionContext | undefined,
  ): Promise<Decrypted> {
    const { keyMaterialId } = ciphertext;
    if (ciphertext.keyId !== key.keyId || !key.materialIds.has(keyMaterialId)) {
      throw new KmsError('InvalidCiphertextException');
    }
    const plaintext = await this.token.decryptAesGcm(keyMaterialId, {
      iv: ciphertext.iv,
      ciphertext: ciphertext.sealed,
      aad: associatedData(key.keyId, keyMaterialId, encryptionContextDigest(context)),
    });
    return { plaintext, keyMaterialId };
  }
}
