import * as pkcs11 from 'pkcs11js';
import { hashes } from './algorithms/hashes';
import { ckm } from './mechanisms';
import type { OaepHash } from './oaep';

/** CKZ_DATA_SPECIFIED. */
const dataSpecified = 1;

/** OAEP with an empty label; MGF1 uses the same hash, as AWS KMS does. */
export function oaepMechanism(hash: OaepHash): pkcs11.Mechanism {
  const { ckm: hashAlg, mgf } = hashes[hash];
  const parameter: pkcs11.RsaOAEP = {
    type: pkcs11.CK_PARAMS_RSA_OAEP,
    hashAlg,
    mgf,
    source: dataSpecified,
  };
  return { mechanism: ckm.RSA_PKCS_OAEP, parameter };
}
