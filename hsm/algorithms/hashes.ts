import * as pkcs11 from 'pkcs11js';

interface HashRow {
  /** As AWS KMS and PKCS#11 readers know it. */
  readonly name: string;
  readonly bytes: number;
  /** CKM_… of the hash, as a parameter of PSS and OAEP. */
  readonly ckm: number;
  /** CKG_MGF1_… with the same hash. */
  readonly mgf: number;
  /** DER of DigestInfo up to the digest (RFC 8017 §9.2, note 1); empty where nobody signs with it. */
  readonly digestInfo: string;
}

/** The hashes of AWS KMS's algorithms by node:crypto's names. */
export const hashes = {
  sha1: {
    name: 'SHA-1',
    bytes: 20,
    ckm: pkcs11.CKM_SHA_1,
    mgf: pkcs11.CKG_MGF1_SHA1,
    digestInfo: '',
  },
  sha256: {
    name: 'SHA-256',
    bytes: 32,
    ckm: pkcs11.CKM_SHA256,
    mgf: pkcs11.CKG_MGF1_SHA256,
    digestInfo: '3031300d060960864801650304020105000420',
  },
  sha384: {
    name: 'SHA-384',
    bytes: 48,
    ckm: pkcs11.CKM_SHA384,
    mgf: pkcs11.CKG_MGF1_SHA384,
    digestInfo: '3041300d060960864801650304020205000430',
  },
  sha512: {
    name: 'SHA-512',
    bytes: 64,
    ckm: pkcs11.CKM_SHA512,
    mgf: pkcs11.CKG_MGF1_SHA512,
    digestInfo: '3051300d060960864801650304020305000440',
  },
} as const satisfies Record<string, HashRow>;

export type HashName = keyof typeof hashes;
