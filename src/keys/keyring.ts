import { type GcmOpen, type GcmSealed, HsmError, type Token } from '../../hsm';
import { KmsError } from '../errors';
import { type Ciphertext, associatedData, ciphertextHeader, encodeCiphertext } from './ciphertext';
import { encryptionContextDigest } from './encryption-context';
import type { Key } from './key';
import type { Material } from './material';

export type EncryptionContext = Readonly<Record<string, string>>;

export interface Decrypted {
  readonly plaintext: Buffer;
  readonly keyMaterialId: string;
}

/** Encrypts and decrypts with a key's materials in the token, in Claviger's ciphertext format. */
export class Keyring {
  /** Headers of what a key encrypts with its current material: a cached key is immutable and encrypts many times. */
  private readonly headers = new WeakMap<Key, Buffer>();

  constructor(
    private readonly token: Token,
    /** The key as the database has it now. */
    private readonly reread: (keyId: string) => Promise<Key | undefined> = () =>
      Promise.resolve(undefined),
  ) {}

  /** Encrypts 1 to 4096 bytes under the key's current material. */
  async encrypt(
    key: Key,
    plaintext: Buffer,
    context: EncryptionContext | undefined,
  ): Promise<{ blob: Buffer; keyMaterialId: string }> {
    const material = key.currentMaterial;
    if (material === undefined) {
      throw new KmsError('KMSInvalidStateException', `${key.arn} is pending import.`);
    }
    const header = this.headerOf(key, material.id);
    const aad = associatedData(header, encryptionContextDigest(context));
    let sealed: GcmSealed;
    try {
      sealed = await this.token.encryptAesGcm(material, aad, plaintext);
    } catch (error) {
      const rewrapped = await this.rewrapped(key, material, error);
      sealed = await this.token.encryptAesGcm(rewrapped, aad, plaintext);
    }
    return {
      blob: encodeCiphertext({ header, iv: sealed.iv, sealed: sealed.ciphertext }),
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
    const sealed: GcmOpen = {
      iv: ciphertext.iv,
      ciphertext: ciphertext.sealed,
      aad: associatedData(ciphertext.header, encryptionContextDigest(context)),
    };
    let plaintext: Buffer;
    try {
      plaintext = await this.token.decryptAesGcm(material, sealed);
    } catch (error) {
      plaintext = await this.token.decryptAesGcm(
        await this.rewrapped(key, material, error),
        sealed,
      );
    }
    return { plaintext, keyMaterialId };
  }

  /**
   * The material as the database has it, where that is under another wrapping key than the one that the token lacks: it was
   * rotated, and the old one destroyed, after the worker read the key. Throws the error where that is not why.
   */
  private async rewrapped(key: Key, { id, wrapped }: Material, error: unknown): Promise<Material> {
    if (wrapped === undefined || !(error instanceof HsmError) || error.code !== 'key-not-found') {
      throw error;
    }
    const now = (await this.reread(key.keyId))?.materials.get(id);
    if (now?.wrapped === undefined || now.wrapped.wrappingKeyId === wrapped.wrappingKeyId) {
      throw error;
    }
    return now;
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
