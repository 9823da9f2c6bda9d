/** One parameter set of FIPS 204 or FIPS 203, as PKCS#11 3.2 and X.509 have it. */
interface ParameterSet {
  /** CKP_ML_DSA_… or CKP_ML_KEM_…, the value of CKA_PARAMETER_SET. */
  readonly parameterSet: number;
  /** DER of its OBJECT IDENTIFIER. */
  readonly oid: string;
  readonly publicKeyBytes: number;
}

export interface MlDsa extends ParameterSet {
  readonly family: 'ml-dsa';
  readonly signatureBytes: number;
}

export interface MlKem extends ParameterSet {
  readonly family: 'ml-kem';
  readonly ciphertextBytes: number;
}

/** Bytes of FIPS 204, table 2; OIDs of RFC 9881 §2. */
function mlDsa(
  parameterSet: number,
  oid: string,
  bytes: { readonly key: number; readonly signature: number },
): MlDsa {
  const { key: publicKeyBytes, signature: signatureBytes } = bytes;
  return { family: 'ml-dsa', parameterSet, oid, publicKeyBytes, signatureBytes };
}

/** Bytes of FIPS 203, table 3; OIDs of RFC 9935 §3. */
function mlKem(
  parameterSet: number,
  oid: string,
  bytes: { readonly key: number; readonly ciphertext: number },
): MlKem {
  const { key: publicKeyBytes, ciphertext: ciphertextBytes } = bytes;
  return { family: 'ml-kem', parameterSet, oid, publicKeyBytes, ciphertextBytes };
}

/** By AWS KMS's key specs. */
export const parameterSets = {
  ML_DSA_44: mlDsa(1, '0609608648016503040311', { key: 1312, signature: 2420 }),
  ML_DSA_65: mlDsa(2, '0609608648016503040312', { key: 1952, signature: 3309 }),
  ML_DSA_87: mlDsa(3, '0609608648016503040313', { key: 2592, signature: 4627 }),
  ML_KEM_512: mlKem(1, '0609608648016503040401', { key: 800, ciphertext: 768 }),
  ML_KEM_768: mlKem(2, '0609608648016503040402', { key: 1184, ciphertext: 1088 }),
  ML_KEM_1024: mlKem(3, '0609608648016503040403', { key: 1568, ciphertext: 1568 }),
} as const;

/** Of every set of FIPS 203. */
export const sharedSecretBytes = 32;
