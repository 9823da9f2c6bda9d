import type { Token } from '../../hsm';
import { KmsError } from '../errors';
import type { Allowance } from './allowance';
import { type Ciphertext, associatedData, ciphertextHeader, encodeCiphertext } from './ciphertext';
import { encryptionContextDigest } from './encryption-context';
import type { EncryptionCounts } from './encryption-counts';
import type { Key } from './key';

export type EncryptionContext = Readonly<Record<string, string>>;

export interface Decrypted {
  readonly plaintext: Buffer;
  readonly keyMaterialId: string;
}

/** What a key encrypts with. */
interface Sealer {
  /** Of every ciphertext. */
  readonly header: Buffer;
  readonly allowance: Allowance;
}

/** Encrypts and decrypts with a key's materials in the token, in Claviger's ciphertext format. */
export class Keyring {
  /** A cached key is immutable and encrypts many times. */
  private readonly sealers = new WeakMap<Key, Sealer>();

  constructor(
    private readonly token: Token,
    private readonly counts: Pick<EncryptionCounts, 'of'>,
  ) {}

  /**
   * Encrypts 1 to 4096 bytes under the key's current material. Throws KMSInvalidStateException when that has made all
   * the encryptions it may make.
   */
  async encrypt(
    key: Key,
    plaintext: Buffer,
    context: EncryptionContext | undefined,
  ): Promise<{ blob: Buffer; keyMaterialId: string }> {
    const material = key.currentMaterial;
    if (material === undefined) {
      throw new KmsError('KMSInvalidStateException', `${key.arn} is pending import.`);
    }
    const { header, allowance } = this.sealerOf(key, material.id);
    if (!allowance.take() && !(await allowance.taken())) throw wornOut(key);
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
    const plaintext = await this.token.decryptAesGcm(material, {
      iv: ciphertext.iv,
      ciphertext: ciphertext.sealed,
      aad: associatedData(ciphertext.header, encryptionContextDigest(context)),
    });
    return { plaintext, keyMaterialId };
  }

  private sealerOf(key: Key, currentMaterialId: string): Sealer {
    let sealer = this.sealers.get(key);
    if (sealer === undefined) {
      const header = ciphertextHeader(key.keyId, currentMaterialId);
      sealer = { header, allowance: this.counts.of(currentMaterialId) };
      this.sealers.set(key, sealer);
    }
    return sealer;
  }
}

/** AWS has no such limit that its callers see. */
function wornOut({ arn, origin }: Key): KmsError {
  const remedy =
    origin === 'EXTERNAL'
      ? 'Import new key material with ImportKeyMaterial and call RotateKeyOnDemand.'
      : 'Claviger rotates the key as soon as it can; RotateKeyOnDemand rotates it at once.';
  return new KmsError(
    'KMSInvalidStateException',
    `${arn} has made as many encryptions under its current key material as one key material may make. ${remedy}`,
  );
}
