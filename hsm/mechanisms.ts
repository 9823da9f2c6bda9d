import * as pkcs11 from 'pkcs11js';

/** Mechanisms newer than pkcs11js 2.1.7's table (PKCS#11 3.0 to 3.3). */
const laterMechanisms = {
  CKM_ML_KEM_KEY_PAIR_GEN: 0x0f,
  CKM_ML_KEM: 0x17,
  CKM_ML_DSA_KEY_PAIR_GEN: 0x1c,
  CKM_ML_DSA: 0x1d,
  CKM_RSA_AES_KEY_WRAP: 0x1054,
  CKM_EC_EDWARDS_KEY_PAIR_GEN: 0x1055,
  CKM_EC_MONTGOMERY_KEY_PAIR_GEN: 0x1056,
  CKM_EDDSA: 0x1057,
  /** A draft of PKCS#11 3.3: a token that has it under another number does not have it. */
  CKM_ML_DSA_EXTERNAL_MU: 0x403c,
  CKM_AES_KEY_WRAP_KWP: 0x210b,
  CKM_AES_KEY_WRAP_PKCS7: 0x210c,
} as const;

/** Numbers of the mechanisms this client uses, by the name PKCS#11 gives them. */
export const ckm = {
  AES_KEY_GEN: pkcs11.CKM_AES_KEY_GEN,
  AES_GCM: pkcs11.CKM_AES_GCM,
  AES_ECB: pkcs11.CKM_AES_ECB,
  AES_KEY_WRAP: pkcs11.CKM_AES_KEY_WRAP,
  AES_KEY_WRAP_PAD: pkcs11.CKM_AES_KEY_WRAP_PAD,
  AES_KEY_WRAP_KWP: laterMechanisms.CKM_AES_KEY_WRAP_KWP,
  GENERIC_SECRET_KEY_GEN: pkcs11.CKM_GENERIC_SECRET_KEY_GEN,
  SHA224_HMAC: pkcs11.CKM_SHA224_HMAC,
  SHA256_HMAC: pkcs11.CKM_SHA256_HMAC,
  SHA384_HMAC: pkcs11.CKM_SHA384_HMAC,
  SHA512_HMAC: pkcs11.CKM_SHA512_HMAC,
  RSA_PKCS_KEY_PAIR_GEN: pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN,
  RSA_PKCS: pkcs11.CKM_RSA_PKCS,
  RSA_PKCS_PSS: pkcs11.CKM_RSA_PKCS_PSS,
  RSA_PKCS_OAEP: pkcs11.CKM_RSA_PKCS_OAEP,
  RSA_X_509: pkcs11.CKM_RSA_X_509,
  EC_KEY_PAIR_GEN: pkcs11.CKM_EC_KEY_PAIR_GEN,
  ECDSA: pkcs11.CKM_ECDSA,
  ECDH1_DERIVE: pkcs11.CKM_ECDH1_DERIVE,
  EC_EDWARDS_KEY_PAIR_GEN: laterMechanisms.CKM_EC_EDWARDS_KEY_PAIR_GEN,
  EDDSA: laterMechanisms.CKM_EDDSA,
  ML_DSA_KEY_PAIR_GEN: laterMechanisms.CKM_ML_DSA_KEY_PAIR_GEN,
  ML_DSA: laterMechanisms.CKM_ML_DSA,
  ML_DSA_EXTERNAL_MU: laterMechanisms.CKM_ML_DSA_EXTERNAL_MU,
  ML_KEM_KEY_PAIR_GEN: laterMechanisms.CKM_ML_KEM_KEY_PAIR_GEN,
  ML_KEM: laterMechanisms.CKM_ML_KEM,
} as const;

/**
 * What `slots.mechanisms` in softhsm2.conf should list, in SoftHSM's own names: SoftHSM copies its list on every
 * operation, so a short one is 18 to 45 % faster (pkcs11-facts §4.2). Hashes that PSS and OAEP name as parameters are
 * not on it: SoftHSM checks only the mechanism itself.
 */
export const requiredMechanisms: readonly string[] = [
  'CKM_AES_KEY_GEN',
  'CKM_AES_GCM',
  'CKM_AES_ECB',
  'CKM_AES_KEY_WRAP_PAD',
  'CKM_GENERIC_SECRET_KEY_GEN',
  'CKM_SHA224_HMAC',
  'CKM_SHA256_HMAC',
  'CKM_SHA384_HMAC',
  'CKM_SHA512_HMAC',
  'CKM_RSA_PKCS_KEY_PAIR_GEN',
  'CKM_RSA_PKCS',
  'CKM_RSA_PKCS_PSS',
  'CKM_RSA_PKCS_OAEP',
  'CKM_RSA_X_509',
  'CKM_EC_KEY_PAIR_GEN',
  'CKM_ECDSA',
  'CKM_ECDH1_DERIVE',
  'CKM_EC_EDWARDS_KEY_PAIR_GEN',
  'CKM_EDDSA',
];

const names: ReadonlyMap<number, string> = new Map([
  ...Object.entries(pkcs11)
    .filter(([name]) => name.startsWith('CKM_') && name !== 'CKM_VENDOR_DEFINED')
    .map(([name, value]) => [Number(value), name] as const),
  ...Object.entries(laterMechanisms).map(([name, value]) => [value, name] as const),
]);

/** `CKM_…`, or the number in hex where PKCS#11 has no name for it (a vendor's own). */
export function mechanismName(mechanism: number): string {
  return names.get(mechanism) ?? `0x${mechanism.toString(16).padStart(8, '0')}`;
}
