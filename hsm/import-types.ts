/** Key material that its owner made elsewhere. */

import type { Exclusively, MaterialKind, TokenKeyId, WrappedMaterial } from './material-types';

/** Modulus of an RSA key pair that wraps imported material. */
export type ImportKeyBits = 2048 | 3072 | 4096;

export interface WantedPair {
  readonly bits: ImportKeyBits;
  /** What it is for: refused with `mechanism-missing` where nothing that is wrapped so could be unwrapped. */
  readonly algorithm?: ImportAlgorithm;
  /**
   * Called once the slow part is done; what it is given makes the token object, in a few milliseconds. Only where the
   * token copies no private key does it take as long as the generation.
   */
  readonly exclusively?: Exclusively;
  /** On whose behalf: one has no more than a share of what is generated. */
  readonly asker?: string;
}

/** AWS KMS's WrappingAlgorithm. */
export type ImportAlgorithm =
  'RSAES_OAEP_SHA_1' | 'RSAES_OAEP_SHA_256' | 'RSA_AES_KEY_WRAP_SHA_1' | 'RSA_AES_KEY_WRAP_SHA_256';

/** Material as its owner sends it. */
export interface ImportedKey {
  /** CKA_ID of the key pair that wraps it. */
  readonly importKeyId: TokenKeyId;
  readonly algorithm: ImportAlgorithm;
  readonly encrypted: Buffer;
  readonly kind: MaterialKind;
  /** Id of the KMS key: the material's id is derived from it and the material. */
  readonly keyId: string;
}

/** Which material it is. */
export interface IdentifiedImport {
  readonly id: TokenKeyId;
  /** Of RSA and EC material, proven to belong to the private half: DER of SubjectPublicKeyInfo. */
  readonly publicKey: Buffer | undefined;
}

/** Where admitted material goes: a token object of this label, or wrapped by this wrapping key to be kept elsewhere. */
export type ImportPlace = { readonly label: string } | { readonly wrappingKeyId: TokenKeyId };

/** The key pairs that wrap imported material on its way, and what comes of it. */
export interface MaterialImport {
  /**
   * CKM_RSA_PKCS_KEY_PAIR_GEN of a resident key pair that decrypts and unwraps and never leaves the token. Resolves to
   * the public key (SubjectPublicKeyInfo in DER) after the pair was used once. As with generateKey, an id is used for
   * one attempt only. RSA-4096 takes seconds, and one pair is generated after the other: too many at
   * once get `busy`.
   */
  generateImportKeyPair(id: TokenKeyId, label: string, wanted: WantedPair): Promise<Buffer>;

  /** C_DestroyObject of both halves of the resident key pair. A pair that is not there is success. */
  destroyKeyPair(id: TokenKeyId): Promise<void>;

  /**
   * Unwraps for a moment: which key material is it? The id is 64 hex digits that the same material has in the same KMS
   * key whenever it is imported, and in no other key; they tell nothing about the material.
   * Rejects with `import-size`, `import-not-unwrapped`, `import-material-wrong`, `mechanism-missing`, or `key-not-found`
   * where the import key pair is gone.
   */
  identifyImport(imported: ImportedKey): Promise<IdentifiedImport>;

  /**
   * Makes it a resident key of CKA_ID `id` (then undefined), or answers it wrapped. Rejects as identifyImport does, with
   * `import-material-wrong` where it is not the material called `id`, and with `duplicate-key` where the token has an
   * object of that id already.
   */
  admitImport(
    imported: ImportedKey,
    id: TokenKeyId,
    place: ImportPlace,
  ): Promise<WrappedMaterial | undefined>;
}
