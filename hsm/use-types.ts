/** What keys of every kind do in the token, and how they come to be there. */

import type {
  Exclusively,
  MaterialKind,
  MaterialSpec,
  TokenKeyId,
  WrappedMaterial,
} from './material-types';
import type { Awaitable, TokenKey } from './types';

/** A key, where its material is, and what it is. */
export interface MaterialKey extends TokenKey {
  readonly kind: MaterialKind;
}

/** AWS KMS's SigningAlgorithm, as far as PKCS#11 has it. */
export type SigningAlgorithm =
  | 'RSASSA_PSS_SHA_256'
  | 'RSASSA_PSS_SHA_384'
  | 'RSASSA_PSS_SHA_512'
  | 'RSASSA_PKCS1_V1_5_SHA_256'
  | 'RSASSA_PKCS1_V1_5_SHA_384'
  | 'RSASSA_PKCS1_V1_5_SHA_512'
  | 'ECDSA_SHA_256'
  | 'ECDSA_SHA_384'
  | 'ECDSA_SHA_512'
  | 'ED25519_SHA_512'
  | 'ED25519_PH_SHA_512'
  | 'ML_DSA_SHAKE_256';

export interface SigningRequest {
  readonly algorithm: SigningAlgorithm;
  /**
   * RSASSA and ECDSA: the digest, as long as the algorithm's hash. Ed25519 and Ed25519ph: the message. ML-DSA: the message, or the 64 bytes of mu (FIPS 204 §6.2) where `externalMu`.
   */
  readonly input: Buffer;
  readonly externalMu?: boolean;
}

/** AWS KMS's EncryptionAlgorithm of RSA keys. */
export type RsaEncryptionAlgorithm = 'RSAES_OAEP_SHA_1' | 'RSAES_OAEP_SHA_256';

/** AWS KMS's DataKeyPairSpec, as far as there is an implementation. */
export type DataKeyPairSpec = Exclude<
  MaterialSpec,
  `HMAC_${string}` | `ML_DSA_${string}` | 'SYMMETRIC_DEFAULT'
>;

export interface Encapsulated {
  /** 32 bytes. */
  readonly sharedSecret: Buffer;
  /** 768, 1088 or 1568 bytes. */
  readonly ciphertext: Buffer;
}

export interface GeneratedKey {
  /** DER of SubjectPublicKeyInfo; undefined of a secret key. */
  readonly publicKey: Buffer | undefined;
}

export interface GeneratedWrappedKey extends GeneratedKey {
  readonly wrapped: WrappedMaterial;
}

export interface DataKeyPair {
  /** DER of PrivateKeyInfo (PKCS#8, RFC 5958). The caller wipes it. */
  readonly privateKey: Buffer;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
}

/**
 * Uses of keys. All happen in the token; every method throws HsmError `mechanism-missing`, with the name of the mechanism,
 * where known answers did not prove that this token does it.
 */
export interface MaterialUse {
  /**
   * In AWS's format (kms-semantics §3.5): RSA as long as the modulus, PSS with a salt as long as the hash; ECDSA DER of
   * SEQUENCE { r, s }; Ed25519 64 bytes; ML-DSA as FIPS 204, with an empty context.
   */
  sign(key: MaterialKey, request: SigningRequest): Awaitable<Buffer>;

  /** HMAC with the hash of the key's spec, over 1 to 4096 bytes. */
  mac(key: MaterialKey, message: Buffer): Awaitable<Buffer>;

  /**
   * RSAES-OAEP without a label, MGF1 with the same hash. By CKM_RSA_X_509 where the token lacks the hash: the padding is
   * then taken off here, in constant time. Throws `ciphertext-invalid`, one error for every reason.
   */
  decryptOaep(
    key: MaterialKey,
    algorithm: RsaEncryptionAlgorithm,
    ciphertext: Buffer,
  ): Awaitable<Buffer>;

  /** CKM_ECDH1_DERIVE without a KDF: the x coordinate. `peer`: an uncompressed point, known to be on the key's curve. */
  agree(key: MaterialKey, peer: Buffer): Awaitable<Buffer>;

  /** C_EncapsulateKey (PKCS#11 3.2) to a public key: DER of SubjectPublicKeyInfo. */
  encapsulate(kind: MaterialKind, publicKey: Buffer): Promise<Encapsulated>;

  /** C_DecapsulateKey. Throws `ciphertext-invalid` for a ciphertext of another length than the spec's. */
  decapsulate(key: MaterialKey, ciphertext: Buffer): Promise<Buffer>;

  /** Throws `mechanism-missing`, naming it, where this token serves no keys of the kind. Proven once a connection. */
  requireKind(kind: MaterialKind): Promise<void>;
}

/** How a key is going to be kept: as an object of the token, or wrapped. */
export type PreparedPlace = 'resident' | 'wrapped';

export interface NewKeyName {
  readonly id: TokenKeyId;
  readonly label: string;
  readonly prepared?: PreparedKey | undefined;
}

/** A key that took seconds to make, and is nowhere yet; or the turn to take them, where a token makes it in one piece. */
export interface PreparedKey {
  readonly place: PreparedPlace;
  /** Whoever was given it lets go of it in the end, whether it was used or not. Never rejects. */
  discard(): Promise<void>;
}

/** How keys come to be. */
export interface MaterialGeneration {
  /**
   * What of generateKey or generateWrappedKey takes seconds (RSA), done before either; undefined where nothing does. Nothing
   * is in the token of it but an object of a session. Rejects with `busy` where too many want one. `asker`: on whose behalf;
   * one has no more than a share of what is generated.
   */
  prepareKey(
    kind: MaterialKind,
    place: PreparedPlace,
    asker?: string,
  ): Promise<PreparedKey | undefined>;

  /**
   * A new resident key of this kind: CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, not CKA_EXTRACTABLE, good for its usage only.
   * Resolves after it was read back and used once. Rejected with `deadline`, it may still come to be: an id is used for one
   * attempt only, and whoever makes a key keeps its id in mind, to destroy what comes of it later.
   *
   * `exclusively` is called once the slow part is done: see WantedPair. `prepared` is of prepareKey, for the same kind.
   */
  generateKey(
    kind: MaterialKind,
    name: NewKeyName,
    exclusively?: Exclusively,
  ): Promise<GeneratedKey>;

  /**
   * A new key of this kind: generated as session objects, wrapped, unwrapped again and proven to be the same. No object
   * stays. Rejects with `key-not-found` where the wrapping key is not in the token.
   */
  generateWrappedKey(
    kind: MaterialKind,
    wrappingKeyId: TokenKeyId,
    prepared?: PreparedKey,
  ): Promise<GeneratedWrappedKey>;

  /**
   * A pair that is kept nowhere: made in the token where that hands out the private half wrapped, else by OpenSSL. One RSA
   * pair at a time; too many at once get `busy`, of one `asker` sooner than of all.
   */
  generateDataKeyPair(spec: DataKeyPairSpec, asker?: string): Promise<DataKeyPair>;
}
