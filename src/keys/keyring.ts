import type { GcmOpen, GcmSealed, Token } from '../../hsm';
import { KmsError } from '../errors';
import type { Allowance } from './allowance';
import { type Ciphertext, associatedData, ciphertextHeader, encodeCiphertext } from './ciphertext';
import { encryptionContextDigest } from './encryption-context';
import type { EncryptionCounts } from './encryption-counts';
import type { Key } from './key';
import { isAway } from './material';
import { pendingImport, type Reread, requireMaterial, rewrapped } from './material-use';

export type EncryptionContext = Readonly<Record<string, string>>;

export interface Decrypted {
  readonly plaintext: Buffer;
  readonly keyMaterialId: string;
}

interface Parts {
  readonly token: Token;
  readonly counts: Pick<EncryptionCounts, 'of'>;
  readonly reread: Reread;
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

  constructor(private readonly parts: Parts) {}

  /**
   * Encrypts 1 to 4096 bytes under the key's current material. Throws KMSInvalidStateException when that has made all
   * the encryptions it may make.
   */
  async encrypt(
    key: Key,
    plaintext: Buffer,
    context: EncryptionContext | undefined,
  ): Promise<{ blob: Buffer; keyMaterialId: string }> {
    const material = requireMaterial(key);
    const { header, allowance } = this.sealerOf(key, material.id);
    if (!allowance.take() && !(await allowance.taken())) throw wornOut(key);
    const aad = associatedData(header, encryptionContextDigest(context));
    let sealed: GcmSealed;
    try {
      sealed = await this.parts.token.encryptAesGcm(material, aad, plaintext);
    } catch (error) {
      const now = await rewrapped({ ...this.parts, key, material }, error);
      sealed = await this.parts.token.encryptAesGcm(now, aad, plaintext);
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
    if (isAway(material)) throw pendingImport(key);
    const sealed: GcmOpen = {
      iv: ciphertext.iv,
      ciphertext: ciphertext.sealed,
      aad: associatedData(ciphertext.header, encryptionContextDigest(context)),
    };
    let plaintext: Buffer;
    try {
      plaintext = await this.parts.token.decryptAesGcm(material, sealed);
    } catch (error) {
      plaintext = await this.parts.token.decryptAesGcm(
        await rewrapped({ ...this.parts, key, material }, error),
        sealed,
      );
    }
    return { plaintext, keyMaterialId };
  }

  private sealerOf(key: Key, currentMaterialId: string): Sealer {
    let sealer = this.sealers.get(key);
    if (sealer === undefined) {
      const header = ciphertextHeader(key.keyId, currentMaterialId);
      sealer = { header, allowance: this.parts.counts.of(currentMaterialId) };
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
