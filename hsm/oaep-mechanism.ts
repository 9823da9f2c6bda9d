import * as pkcs11 from 'pkcs11js';
import { ckm } from './mechanisms';
import type { OaepHash } from './oaep';

interface OaepRow {
  readonly hash: number;
  readonly mgf: number;
  /** As AWS KMS and PKCS#11 readers know it. */
  readonly name: string;
}

export const oaepHashes = {
  sha1: { hash: pkcs11.CKM_SHA_1, mgf: pkcs11.CKG_MGF1_SHA1, name: 'SHA-1' },
  sha256: { hash: pkcs11.CKM_SHA256, mgf: pkcs11.CKG_MGF1_SHA256, name: 'SHA-256' },
} as const satisfies Record<OaepHash, OaepRow>;

/** CKZ_DATA_SPECIFIED. */
const dataSpecified = 1;

/** OAEP with an empty label; MGF1 uses the same hash, as AWS KMS does. */
export function oaepMechanism(hash: OaepHash): pkcs11.Mechanism {
  const row = oaepHashes[hash];
  const parameter: pkcs11.RsaOAEP = {
    type: pkcs11.CK_PARAMS_RSA_OAEP,
    hashAlg: row.hash,
    mgf: row.mgf,
    source: dataSpecified,
  };
  return { mechanism: ckm.RSA_PKCS_OAEP, parameter };
}
