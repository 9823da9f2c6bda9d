import { HsmError, type HsmErrorCode } from '../hsm';
import { DatabaseError, type DatabaseErrorCode } from './db';
import { type ErrorCode, KmsError, type KmsErrorOptions, atMember } from './errors';
import { XksFault } from './xks-client/client';
import { atUse } from './xks-client/faults';

interface Row extends Pick<KmsErrorOptions, 'unavailable' | 'violations'> {
  readonly code: ErrorCode;
  readonly message: string;
}

const importSize = 'Invalid encrypted key size.';

const internal: Row = {
  code: 'KMSInternalException',
  message: 'The request failed because of an internal error. You can retry the request.',
};
const away: Row = { ...internal, unavailable: true };
const timedOut: Row = {
  code: 'DependencyTimeoutException',
  message: 'The system timed out while trying to fulfill the request. You can retry the request.',
};

/** What the token's failures are to a client. Which of them it was stands in the log alone. */
const ofToken = {
  'token-unavailable': away,
  deadline: timedOut,
  busy: { code: 'ThrottlingException', message: 'Rate exceeded' },
  'key-not-found': {
    code: 'KeyUnavailableException',
    message:
      'The request was rejected because the KMS key was not available. You can retry the request.',
  },
  'duplicate-key': internal,
  'ciphertext-invalid': { code: 'InvalidCiphertextException', message: '' },
  'mechanism-missing': internal,
  'material-invalid': internal,
  'not-exportable': internal,
  'pin-incorrect': internal,
  'import-not-unwrapped': { code: 'InvalidCiphertextException', message: '' },
  'import-size': {
    code: 'ValidationException',
    message: importSize,
    ...atMember('EncryptedKeyMaterial', importSize),
  },
  'import-material-wrong': { code: 'IncorrectKeyMaterialException', message: '' },
  failed: internal,
} as const satisfies Record<HsmErrorCode, Row>;

const ofDatabase = {
  unavailable: away,
  timeout: timedOut,
  'unique-violation': internal,
  serialization: internal,
  failed: internal,
} as const satisfies Record<DatabaseErrorCode, Row>;

/** Anything thrown, as the one error type. What has no code of its own is an opaque internal error with its cause. */
export function toKmsError(thrown: unknown): KmsError {
  if (thrown instanceof KmsError) return thrown;
  // Management operations and CreateKey have names of their own for it, and say so themselves.
  if (thrown instanceof XksFault) return atUse(thrown);
  if (thrown instanceof HsmError && thrown.code === 'mechanism-missing') {
    return new KmsError('UnsupportedOperationException', thrown.message, { cause: thrown });
  }
  const row: Row =
    thrown instanceof HsmError
      ? ofToken[thrown.code]
      : thrown instanceof DatabaseError
        ? ofDatabase[thrown.code]
        : internal;
  const { code, message, ...options } = row;
  return new KmsError(code, message, { ...options, cause: thrown });
}

/** The connection broke during a commit: it may have happened. */
export function outcomeUnknown(thrown: unknown): boolean {
  return thrown instanceof DatabaseError && thrown.outcomeUnknown;
}
