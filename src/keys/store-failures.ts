import { HsmError, type HsmErrorCode } from '../../hsm';
import { KmsError } from '../errors';
import type { Key } from './key';

const away = (): string => 'KMS cannot communicate with your CloudHSM cluster';
const lost = ({ arn }: Key): string => `${arn} is unavailable.`;

/** What a failing token is to who uses a key in it: a matter of the key's state, and not of the service (kms-semantics §12.3). */
const texts: Readonly<Partial<Record<HsmErrorCode, (key: Key) => string>>> = {
  'token-unavailable': away,
  deadline: away,
  'pin-incorrect': away,
  'key-not-found': lost,
};

/** What was thrown when a key of a custom key store was used, as its user is to be told. */
export function storeFailure(key: Key, thrown: unknown): unknown {
  if (key.origin !== 'AWS_CLOUDHSM' || !(thrown instanceof HsmError)) return thrown;
  const text = texts[thrown.code];
  if (text === undefined) return thrown;
  return new KmsError('KMSInvalidStateException', text(key), { cause: thrown });
}
