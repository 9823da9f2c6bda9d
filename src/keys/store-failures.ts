import { HsmError, type HsmErrorCode } from '../../hsm';
import { KmsError } from '../errors';
import type { Key } from './key';

const away: ReadonlySet<HsmErrorCode> = new Set(['token-unavailable', 'deadline', 'pin-incorrect']);

/**
 * A token of a custom key store that cannot be reached is a matter of the store's state, and not a failure of the service
 * (kms-semantics §12.3). Whatever else was thrown is left as it is.
 */
export function tokenFailure(thrown: unknown): unknown {
  if (!(thrown instanceof HsmError) || !away.has(thrown.code)) return thrown;
  const text = 'KMS cannot communicate with your CloudHSM cluster';
  return new KmsError('KMSInvalidStateException', text, { cause: thrown });
}

/** What was thrown when a key of a custom key store was used, as its user is to be told. */
export function storeFailure({ origin, arn }: Key, thrown: unknown): unknown {
  if (origin !== 'AWS_CLOUDHSM') return thrown;
  // It is there for good in AWS's eyes: only somebody else can have destroyed it (kms-semantics §1.1).
  if (thrown instanceof HsmError && thrown.code === 'key-not-found') {
    return new KmsError('KMSInvalidStateException', `${arn} is unavailable.`, { cause: thrown });
  }
  return tokenFailure(thrown);
}
