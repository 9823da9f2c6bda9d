import type { EncryptionAlgorithmSpec } from '../shapes/kms.generated';
import type { Cipher, Decrypted, Encrypted, KeyUse } from './cipher';
import { decodeCiphertext } from './ciphertext';
import { requireContextAllowed } from './encryption-context';
import type { ExternalCipher } from './external-cipher';
import type { Key } from './key';
import type { EncryptionContext, Keyring } from './keyring';
import { type RsaParts, rsaCipher } from './rsa-encryption';
import { requireAlgorithm } from './specs';
import { storeFailure } from './store-failures';

interface SymmetricParts {
  readonly keyring: Pick<Keyring, 'encrypt' | 'decrypt'>;
  readonly external: ExternalCipher;
}

/** How keys of every spec encrypt, by EncryptionAlgorithm. */
export class Encryption {
  /** What data keys are sealed by. */
  readonly symmetric: Cipher;
  /** No key has SM2PKE: CreateKey refuses SM2. */
  private readonly ciphers: Readonly<Partial<Record<EncryptionAlgorithmSpec, Cipher>>>;

  constructor({ keyring, external, ...rsa }: RsaParts & SymmetricParts) {
    this.symmetric = symmetricCipher({ keyring, external });
    this.ciphers = {
      SYMMETRIC_DEFAULT: this.symmetric,
      RSAES_OAEP_SHA_1: rsaCipher('RSAES_OAEP_SHA_1', rsa),
      RSAES_OAEP_SHA_256: rsaCipher('RSAES_OAEP_SHA_256', rsa),
    };
  }

  /** Of an algorithm that a key has (requireAlgorithm). */
  by(algorithm: EncryptionAlgorithmSpec): Cipher {
    const cipher = this.ciphers[algorithm];
    if (cipher === undefined) throw new Error(`no key encrypts by ${algorithm}`);
    return cipher;
  }
}

function symmetricCipher(parts: SymmetricParts): Cipher {
  const { keyring } = parts;
  const stored = storeCipher(parts);
  return {
    // The API's own limit of 4096 bytes is the limit.
    requireFits: () => undefined,
    encrypt: (key, plaintext, use) =>
      key.customKeyStore === undefined
        ? keyring.encrypt(key, plaintext, use.context)
        : stored.encrypt(key, plaintext, use),
    decrypt: (key, blob, use) =>
      key.customKeyStore === undefined
        ? keyring.decrypt(key, decodeCiphertext(blob), use.context)
        : stored.decrypt(key, blob, use),
  };
}

/** Keys of custom key stores: in their token, or with an external key. Answers do not name their material. */
function storeCipher({ keyring, external }: SymmetricParts): ExternalCipher {
  const inToken: ExternalCipher = {
    encrypt: (key, plaintext, { context }) => keyring.encrypt(key, plaintext, context),
    decrypt: (key, blob, { context }) => keyring.decrypt(key, decodeCiphertext(blob), context),
  };
  const of = ({ xksKeyId }: Key): ExternalCipher => (xksKeyId === undefined ? inToken : external);
  return {
    async encrypt(key: Key, plaintext: Buffer, use: KeyUse): Promise<Encrypted> {
      try {
        const { blob } = await of(key).encrypt(key, plaintext, use);
        return { blob, keyMaterialId: undefined };
      } catch (thrown) {
        throw storeFailure(key, thrown);
      }
    },
    async decrypt(key: Key, blob: Buffer, use: KeyUse): Promise<Decrypted> {
      try {
        const { plaintext } = await of(key).decrypt(key, blob, use);
        return { plaintext, keyMaterialId: undefined };
      } catch (thrown) {
        throw storeFailure(key, thrown);
      }
    },
  };
}

/**
 * Throws InvalidKeyUsageException and ValidationException for what a key cannot be asked to encrypt or decrypt with. `side` is
 * which of the two that ReEncrypt has: the names of its members begin so.
 */
export function requireEncryptionWith(
  key: Key,
  algorithm: EncryptionAlgorithmSpec,
  context: EncryptionContext | undefined,
  side: 'Source' | 'Destination' | '' = '',
): void {
  requireAlgorithm(key, algorithm, `${side}EncryptionAlgorithm`);
  requireContextAllowed(key, context, `${side}EncryptionContext`);
}
