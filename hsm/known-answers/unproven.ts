import { HsmError } from '../errors';
import type { KnownAnswer } from './row';

/** What AWS KMS has and this client cannot prove on any token. Not proven is not offered. */
const reasons = [['SM2', 'vendor-defined', 'PKCS#11 defines no mechanism for it']] as const;

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
