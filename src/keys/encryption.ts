import type { EncryptionAlgorithmSpec } from '../shapes/kms.generated';
import type { Cipher } from './cipher';
import { decodeCiphertext } from './ciphertext';
import { requireContextAllowed } from './encryption-context';
import type { Key } from './key';
import type { EncryptionContext, Keyring } from './keyring';
import { type RsaParts, rsaCipher } from './rsa-encryption';
import { requireAlgorithm } from './specs';

type Sealing = Pick<Keyring, 'encrypt' | 'decrypt'>;

/** How keys of every spec encrypt, by EncryptionAlgorithm. */
export class Encryption {
  /** No key has SM2PKE: CreateKey refuses SM2. */
  private readonly ciphers: Readonly<Partial<Record<EncryptionAlgorithmSpec, Cipher>>>;

  constructor({ keyring, ...rsa }: RsaParts & { readonly keyring: Sealing }) {
    this.ciphers = {
      SYMMETRIC_DEFAULT: symmetricCipher(keyring),
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

function symmetricCipher(keyring: Sealing): Cipher {
  return {
    // The API's own limit of 4096 bytes is the limit.
    requireFits: () => undefined,
    encrypt: (key, plaintext, context) => keyring.encrypt(key, plaintext, context),
    decrypt: (key, blob, context) => keyring.decrypt(key, decodeCiphertext(blob), context),
  };
}

/** Throws InvalidKeyUsageException and ValidationException for what a key cannot be asked to encrypt or decrypt with. */
export function requireEncryptionWith(
  key: Key,
  algorithm: EncryptionAlgorithmSpec,
  context: EncryptionContext | undefined,
): void {
  requireAlgorithm(key, algorithm);
  requireContextAllowed(key, context);
}
