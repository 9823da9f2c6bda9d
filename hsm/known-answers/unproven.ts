import { HsmError } from '../errors';
import type { KnownAnswer } from './row';

/**
 * What AWS KMS has and this client cannot prove on any token: Node 20 verifies no ML-DSA, pkcs11js has no
 * C_EncapsulateKey, and PKCS#11 has no SM2 mechanism. Not proven is not offered.
 */
const reasons = [
  ['ML_DSA', 'CKM_ML_DSA', 'its signatures cannot be verified outside the token yet'],
  ['ML_KEM', 'CKM_ML_KEM', 'needs the PKCS#11 3.2 interface'],
  ['SM2', 'vendor-defined', 'PKCS#11 defines no mechanism for it'],
] as const;

/** `listed`: mechanism names of the token. */
export function unprovenAnswers(listed: readonly string[]): readonly KnownAnswer[] {
  return reasons.map(([name, mechanism, reason]) => ({
    name,
    mechanism,
    test: () => {
      const claim = listed.includes(mechanism) ? 'listed by the token' : 'not listed by the token';
      throw new HsmError('mechanism-missing', `${mechanism}: ${claim}; ${reason}`);
    },
  }));
}
