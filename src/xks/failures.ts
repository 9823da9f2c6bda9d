import { HsmError, type HsmErrorCode } from '../../hsm';
import { DatabaseError, type DatabaseErrorCode } from '../db';
import { type ErrorCode, KmsError } from '../errors';
import { XksError, type XksErrorName } from './errors';

const messages = {
  InternalException: 'The request failed because of an internal error. It can be tried again.',
  DependencyTimeoutException: 'The request could not be finished in time. It can be tried again.',
  ThrottlingException: 'There are too many requests.',
  InvalidCiphertextException: 'The ciphertext does not decrypt.',
  InvalidStateException: 'The external key cannot be used.',
  UnsupportedOperationException: 'The key manager cannot do this.',
} as const satisfies Partial<Record<XksErrorName, string>>;

type Failure = keyof typeof messages;

const ofToken = {
  'token-unavailable': 'InternalException',
  deadline: 'DependencyTimeoutException',
  busy: 'ThrottlingException',
  'key-not-found': 'InternalException',
  'duplicate-key': 'InternalException',
  'ciphertext-invalid': 'InvalidCiphertextException',
  'mechanism-missing': 'UnsupportedOperationException',
  'material-invalid': 'InternalException',
  'not-exportable': 'InternalException',
  'pin-incorrect': 'InternalException',
  'import-not-unwrapped': 'InternalException',
  'import-size': 'InternalException',
  'import-material-wrong': 'InternalException',
  failed: 'InternalException',
} as const satisfies Record<HsmErrorCode, Failure>;

const ofDatabase = {
  unavailable: 'InternalException',
  timeout: 'DependencyTimeoutException',
  'unique-violation': 'InternalException',
  serialization: 'InternalException',
  failed: 'InternalException',
} as const satisfies Record<DatabaseErrorCode, Failure>;

/** What the keyring refuses; nothing else of the KMS API is on the way of an XKS request. */
const ofKeyring: Partial<Record<ErrorCode, Failure>> = {
  DependencyTimeoutException: 'DependencyTimeoutException',
  InvalidCiphertextException: 'InvalidCiphertextException',
  ThrottlingException: 'ThrottlingException',
};

/** Anything thrown, as an error of the XKS proxy API. What lies behind it is its cause, for the log alone. */
export function toXksError(thrown: unknown): XksError {
  return thrown instanceof XksError ? thrown : failure(nameOf(thrown), thrown);
}

export function failure(name: Failure, cause?: unknown): XksError {
  return new XksError(name, messages[name], { cause });
}

function nameOf(thrown: unknown): Failure {
  if (thrown instanceof HsmError) return ofToken[thrown.code];
  if (thrown instanceof DatabaseError) return ofDatabase[thrown.code];
  if (!(thrown instanceof KmsError)) return 'InternalException';
  if (thrown.code === 'KMSInvalidStateException') return nameOfState(thrown);
  return ofKeyring[thrown.code] ?? 'InternalException';
}

/**
 * The KMS API has the loss of a custom key store's token for a state of its keys. To AWS KMS that token is what lies behind
 * this proxy, as the main one is: nobody has disabled the key, and the request can be tried again (xks-proxy §1.10).
 */
function nameOfState({ cause }: KmsError): Failure {
  return cause === undefined ? 'InvalidStateException' : nameOf(cause);
}
