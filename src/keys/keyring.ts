import type { GcmOpen, GcmSealed, Token } from '../../hsm';
import type { Awaitable } from '../awaitable';
import { KmsError } from '../errors';
import type { Allowance } from './allowance';
import { type Ciphertext, associatedData, ciphertextHeader, encodeCiphertext } from './ciphertext';
import { encryptionContextDigest } from './encryption-context';
import type { EncryptionCounts } from './encryption-counts';
import type { Key } from './key';
import type { KeyTokens } from './key-tokens';
import { type Material, isAway } from './material';
import type { OriginType } from '../shapes/kms.generated';
import { pendingImport, type Reread, requireMaterial, rewrapped } from './material-use';

export type EncryptionContext = Readonly<Record<string, string>>;

export interface Decrypted {
  readonly plaintext: Buffer;
  readonly keyMaterialId: string;
}

interface Parts {
  readonly tokens: Pick<KeyTokens, 'of'>;
  readonly counts: Pick<EncryptionCounts, 'of'>;
  readonly reread: Reread;
}

/** What a key encrypts with. */
interface Sealer {
  /** Of every ciphertext. */
  readonly header: Buffer;
  readonly allowance: Allowance;
}

/** A plaintext that waits for what its key may still encrypt. */
interface Waiting {
  readonly key: Key;
  readonly allowance: Allowance;
  readonly plaintext: Buffer;
  readonly aad: Buffer;
}

type Work<T> = (token: Token, material: Material) => Awaitable<T>;

interface Using<T> {
  readonly key: Key;
  readonly material: Material;
  readonly work: Work<T>;
}

/** Encrypts and decrypts with a key's materials in its token; `encrypt` and `decrypt` in Claviger's ciphertext format. */
export class Keyring {
  /** A cached key is immutable and encrypts many times. */
  private readonly sealers = new WeakMap<Key, Sealer>();

  constructor(private readonly parts: Parts) {}

  /**
   * Encrypts 1 byte or more under the key's current material (requireMaterial), and counts it: at once where the token
   * answers at once. Throws KMSInvalidStateException when the material has made all the encryptions it may make.
   */
  seal(key: Key, plaintext: Buffer, aad: Buffer): Awaitable<GcmSealed> {
    const material = requireMaterial(key);
    const { allowance } = this.sealerOf(key, material.id);
    if (!allowance.take()) return this.sealWhenAllowed({ key, allowance, plaintext, aad });
    return this.use(key, material, (token, now) => token.encryptAesGcm(now, aad, plaintext));
  }

  /** Decrypts with a material of the key that seal() used. Throws KmsError KMSInvalidStateException, and HsmError. */
  open(key: Key, material: Material, sealed: GcmOpen): Awaitable<Buffer> {
    if (isAway(material)) throw pendingImport(key);
    return this.use(key, material, (token, now) => token.decryptAesGcm(now, sealed));
  }

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
    const { header } = this.sealerOf(key, material.id);
    const aad = associatedData(header, encryptionContextDigest(context));
    const sealed = await this.seal(key, plaintext, aad);
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
    const plaintext = await this.open(key, material, {
      iv: ciphertext.iv,
      ciphertext: ciphertext.sealed,
      aad: associatedData(ciphertext.header, encryptionContextDigest(context)),
    });
    return { plaintext, keyMaterialId };
  }

  private async sealWhenAllowed({ key, allowance, plaintext, aad }: Waiting): Promise<GcmSealed> {
    if (!(await allowance.taken())) throw wornOut(key);
    const material = requireMaterial(key);
    return this.use(key, material, (token, now) => token.encryptAesGcm(now, aad, plaintext));
  }

  /** In the token that has the key's material. */
  private use<T>(key: Key, material: Material, work: Work<T>): Awaitable<T> {
    const token = this.parts.tokens.of(key);
    return token instanceof Promise
      ? token.then((opened) => this.useIn(opened, { key, material, work }))
      : this.useIn(token, { key, material, work });
  }

  /** Once more with the material as it is now, where it was put under another wrapping key and the old one is gone. */
  private useIn<T>(token: Token, { key, material, work }: Using<T>): Awaitable<T> {
    const again = async (error: unknown): Promise<T> =>
      work(token, await rewrapped({ ...this.parts, key, material }, error));
    try {
      const done = work(token, material);
      return done instanceof Promise ? done.catch(again) : done;
    } catch (error) {
      return again(error);
    }
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

const remedies = {
  AWS_KMS: 'Claviger rotates the key as soon as it can; RotateKeyOnDemand rotates it at once.',
  EXTERNAL: 'Import new key material with ImportKeyMaterial and call RotateKeyOnDemand.',
  AWS_CLOUDHSM: 'Keys of custom key stores do not rotate: create another one.',
  EXTERNAL_KEY_STORE: 'Keys of custom key stores do not rotate: create another one.',
} as const satisfies Record<OriginType, string>;

/** AWS has no such limit that its callers see. */
function wornOut({ arn, origin }: Key): KmsError {
  return new KmsError(
    'KMSInvalidStateException',
    `${arn} has made as many encryptions under its current key material as one key material may make. ${remedies[origin]}`,
  );
}
