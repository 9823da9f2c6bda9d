/** Key material outside of the token: what it is, and how the token wraps it. */

/**
 * A key is named by its id: lower-case hex of its CKA_ID (32 bytes for key materials). Object handles never leave hsm/.
 */
export type TokenKeyId = string;

/** Runs what others must not do in the same token meanwhile, in whatever process. */
export type Exclusively = <T>(work: () => Promise<T>) => Promise<T>;

/** AWS KMS key specs that a PKCS#11 token can have material of. SM2 is none: PKCS#11 has no mechanism for it. */
export type MaterialSpec =
  | 'SYMMETRIC_DEFAULT'
  | 'HMAC_224'
  | 'HMAC_256'
  | 'HMAC_384'
  | 'HMAC_512'
  | 'RSA_2048'
  | 'RSA_3072'
  | 'RSA_4096'
  | 'ECC_NIST_P256'
  | 'ECC_NIST_P384'
  | 'ECC_NIST_P521'
  | 'ECC_SECG_P256K1'
  | 'ECC_NIST_EDWARDS25519'
  | 'ML_DSA_44'
  | 'ML_DSA_65'
  | 'ML_DSA_87'
  | 'ML_KEM_512'
  | 'ML_KEM_768'
  | 'ML_KEM_1024';

export interface MaterialKind {
  readonly spec: MaterialSpec;
  readonly usage:
    | 'ENCRYPT_DECRYPT'
    | 'SIGN_VERIFY'
    | 'GENERATE_VERIFY_MAC'
    | 'KEY_AGREEMENT'
    | 'ENCAPSULATE_DECAPSULATE';
}

/** Material that the token wrapped, and unwraps into a session object when it is used. */
export interface WrappedMaterial {
  /** CKA_ID of the AES wrapping key in the token. */
  readonly wrappingKeyId: TokenKeyId;
  /** AES key wrap with padding (RFC 5649), made by the token. */
  readonly blob: Buffer;
}

/** A wrapping key that comes from another token. */
export interface ImportedWrappingKey {
  readonly id: TokenKeyId;
  readonly label: string;
  /** The RSA pair of `generateTransferKeyPair` that it was exported to. */
  readonly transferKeyId: TokenKeyId;
  /** What `exportWrappingKey` of the other token returned. */
  readonly wrapped: Buffer;
  readonly exportable: boolean;
}

/** Material that is kept outside of the token, and the keys that wrap it. */
export interface MaterialWrapping {
  /**
   * CKM_AES_KEY_GEN of a 256-bit AES wrapping key: as a resident key, and good for wrapping and unwrapping only. It can
   * leave the token for another one (`exportWrappingKey`) where it is `exportable`, and then only wrapped.
   */
  createWrappingKey(
    id: TokenKeyId,
    label: string,
    options: { readonly exportable: boolean },
  ): Promise<void>;

  /** Whether the token holds a secret key of this CKA_ID. */
  hasKey(id: TokenKeyId): Promise<boolean>;

  /**
   * The same material under another wrapping key, without leaving the token. Rejects with `material-invalid` where it
   * does not unwrap, `key-not-found` where one of the wrapping keys is not in the token.
   */
  rewrap(
    material: WrappedMaterial,
    kind: MaterialKind,
    wrappingKeyId: TokenKeyId,
  ): Promise<WrappedMaterial>;

  /**
   * An RSA-4096 pair to receive a wrapping key with, made as that of generateImportKeyPair. Resolves to the public key: DER
   * of SubjectPublicKeyInfo.
   */
  generateTransferKeyPair(
    id: TokenKeyId,
    label: string,
    exclusively?: Exclusively,
  ): Promise<Buffer>;

  /**
   * The wrapping key under RSA-OAEP to that public key (DER of SubjectPublicKeyInfo), made by the token. Rejects with
   * `not-exportable` where it was not created to be.
   */
  exportWrappingKey(id: TokenKeyId, publicKey: Buffer): Promise<Buffer>;

  /** Unwraps it in the token, into a token object, and proves it. Rejects with `material-invalid` where it does not unwrap. */
  importWrappingKey(key: ImportedWrappingKey): Promise<void>;
}
