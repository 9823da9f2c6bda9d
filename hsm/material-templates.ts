import * as pkcs11 from 'pkcs11js';
import type { MaterialKind, MaterialSpec } from './material-types';
import { aesUse, attributes, type AttributeRow, type Template } from './templates';

/** CKA_CLASS and CKA_KEY_TYPE of what a KMS key spec's material is in a token. */
interface MaterialType {
  readonly class: number;
  readonly keyType: number;
}

export const families = {
  aes: { class: pkcs11.CKO_SECRET_KEY, keyType: pkcs11.CKK_AES },
  hmac: { class: pkcs11.CKO_SECRET_KEY, keyType: pkcs11.CKK_GENERIC_SECRET },
  rsa: { class: pkcs11.CKO_PRIVATE_KEY, keyType: pkcs11.CKK_RSA },
  ec: { class: pkcs11.CKO_PRIVATE_KEY, keyType: pkcs11.CKK_EC },
} as const satisfies Record<string, MaterialType>;
const { aes, hmac, rsa, ec } = families;

export const materialTypes = {
  SYMMETRIC_DEFAULT: aes,
  HMAC_224: hmac,
  HMAC_256: hmac,
  HMAC_384: hmac,
  HMAC_512: hmac,
  RSA_2048: rsa,
  RSA_3072: rsa,
  RSA_4096: rsa,
  ECC_NIST_P256: ec,
  ECC_NIST_P384: ec,
  ECC_NIST_P521: ec,
  ECC_SECG_P256K1: ec,
} as const satisfies Record<MaterialSpec, MaterialType>;

/** AES material while it is in use: not extractable, gone with its session. */
export function unwrappedAesKey(id: Buffer | undefined): Template {
  return attributes([
    ...aesUse,
    [pkcs11.CKA_TOKEN, false],
    ...(id === undefined ? [] : [[pkcs11.CKA_ID, id] as const]),
  ]);
}

/** Of any kind, for the moment in which it goes from one wrapping key to another. It can be used for nothing else. */
export function extractableMaterial({ spec }: MaterialKind): Template {
  const type = materialTypes[spec];
  return attributes([
    [pkcs11.CKA_CLASS, type.class],
    [pkcs11.CKA_KEY_TYPE, type.keyType],
    [pkcs11.CKA_TOKEN, false],
    [pkcs11.CKA_PRIVATE, true],
    [pkcs11.CKA_SENSITIVE, true],
    [pkcs11.CKA_EXTRACTABLE, true],
    ...unused[type.class === pkcs11.CKO_SECRET_KEY ? 'secret' : 'private'],
  ]);
}

/** A private key has no CKA_ENCRYPT, CKA_VERIFY and CKA_WRAP. */
const unused: Readonly<Record<'secret' | 'private', readonly AttributeRow[]>> = {
  secret: [
    [pkcs11.CKA_ENCRYPT, false],
    [pkcs11.CKA_DECRYPT, false],
    [pkcs11.CKA_WRAP, false],
    [pkcs11.CKA_UNWRAP, false],
    [pkcs11.CKA_SIGN, false],
    [pkcs11.CKA_VERIFY, false],
    [pkcs11.CKA_DERIVE, false],
  ],
  private: [
    [pkcs11.CKA_DECRYPT, false],
    [pkcs11.CKA_UNWRAP, false],
    [pkcs11.CKA_SIGN, false],
    [pkcs11.CKA_DERIVE, false],
  ],
};
