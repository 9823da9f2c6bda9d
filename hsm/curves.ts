/**
 * The curves of AWS KMS by its key specs: DER of the OID, bytes of a coordinate, its hash and SigningAlgorithm, node's and
 * JWK's names.
 */
export const curves = {
  ECC_NIST_P256: {
    oid: '06082a8648ce3d030107',
    bytes: 32,
    hash: 'sha256',
    ecdsa: 'ECDSA_SHA_256',
    node: 'prime256v1',
    jwk: 'P-256',
  },
  ECC_NIST_P384: {
    oid: '06052b81040022',
    bytes: 48,
    hash: 'sha384',
    ecdsa: 'ECDSA_SHA_384',
    node: 'secp384r1',
    jwk: 'P-384',
  },
  ECC_NIST_P521: {
    oid: '06052b81040023',
    bytes: 66,
    hash: 'sha512',
    ecdsa: 'ECDSA_SHA_512',
    node: 'secp521r1',
    jwk: 'P-521',
  },
  ECC_SECG_P256K1: {
    oid: '06052b8104000a',
    bytes: 32,
    hash: 'sha256',
    ecdsa: 'ECDSA_SHA_256',
    node: 'secp256k1',
    jwk: 'secp256k1',
  },
} as const;

export type Curve = (typeof curves)[keyof typeof curves];

/** id-Ed25519 (RFC 8410 §3): DER of the OID. */
export const ed25519Oid = '06032b6570';
