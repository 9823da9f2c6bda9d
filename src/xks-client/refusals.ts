import type { XksErrorName } from '../xks/errors';
import type { XksFaultKind } from './client';

export type ProxyOperation = 'GetKeyMetadata' | 'Encrypt' | 'Decrypt' | 'GetHealthStatus';

type Refusals = Readonly<Partial<Record<XksErrorName, XksFaultKind>>>;

/** Of every operation (xks-proxy §1.10). */
const common = {
  // What we sent is as the API has it.
  ValidationException: 'invalid-response',
  AuthenticationFailedException: 'credential',
  AccessDeniedException: 'access-denied',
  InvalidUriPathException: 'uri-path',
  ThrottlingException: 'throttled',
  InternalException: 'unhealthy',
  UnsupportedOperationException: 'unsupported',
  DependencyTimeoutException: 'timed-out',
} as const satisfies Refusals;

const ofKey = {
  ...common,
  InvalidStateException: 'key-disabled',
  KeyNotFoundException: 'key-not-found',
} as const satisfies Refusals;

const refusals: Readonly<Record<ProxyOperation, Refusals>> = {
  GetKeyMetadata: ofKey,
  Encrypt: { ...ofKey, InvalidKeyUsageException: 'key-usage' },
  Decrypt: {
    ...ofKey,
    InvalidKeyUsageException: 'key-usage',
    InvalidCiphertextException: 'ciphertext',
  },
  // The key store is disabled, or blocked.
  GetHealthStatus: { ...common, InvalidStateException: 'unhealthy' },
};

/** Undefined: the operation has no such error. */
export function kindOfRefusal(
  operation: ProxyOperation,
  name: XksErrorName,
): XksFaultKind | undefined {
  return refusals[operation][name];
}
