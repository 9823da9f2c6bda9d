import type { Token } from '../../hsm';
import { KmsError } from '../errors';
import { type Ciphertext, associatedData, ciphertextHeader, encodeCiphertext } from './ciphertext';
import { encryptionContextDigest } from './encryption-context';
import type { Key } from './key';
import { isAway } from './material';

export type EncryptionContext = Readonly<Record<string, string>>;

export interface Decrypted {
  readonly plaintext: Buffer;
  readonly keyMaterialId: string;
}

/** Encrypts and decrypts with a key's materials in the token, in Claviger's ciphertext format. */
export class Keyring {
  /** Headers of what a key encrypts with its current material: a cached key is immutable and encrypts many times. */
  private readonly headers = new WeakMap<Key, Buffer>();

  constructor(private readonly token: Token) {}

  /** Encrypts 1 to 4096 bytes under the key's current material. */
  async encrypt(
    key: Key,
    plaintext: Buffer,
    context: EncryptionContext | undefined,
  ): Promise<{ blob: Buffer; keyMaterialId: string }> {
    const material = key.currentMaterial;
    if (material === undefined || isAway(material)) throw pendingImport(key);
    const header = this.headerOf(key, material.id);
    const aad = associatedData(header, encryptionContextDigest(context));
    const { iv, ciphertext } = await this.token.encryptAesGcm(material, aad, plaintext);
    return {
      blob: encodeCiphertext({ header, iv, sealed: ciphertext }),
      keyMaterialId: material.id,
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
    const material = key.materials.get(keyMaterialId);
    if (ciphertext.keyId !== key.keyId || material === undefined) {
      throw new KmsError('InvalidCiphertextException');
    }
    if (isAway(material)) throw pendingImport(key);
    const plaintext = await this.token.decryptAesGcm(material, {
      iv: ciphertext.iv,
      ciphertext: ciphertext.sealed,
      aad: associatedData(ciphertext.header, encryptionContextDigest(context)),
    });
    return { plaintext, keyMaterialId };
  }

  private headerOf(key: Key, currentMaterialId: string): Buffer {
    let header = this.headers.get(key);
    if (header === undefined) {
      header = ciphertextHeader(key.keyId, currentMaterialId);
      this.headers.set(key, header);
    }
    return header;
  }
}

function pendingImport({ arn }: Key): KmsError {
  return new KmsError('KMSInvalidStateException', `${arn} is pending import.`);
}
