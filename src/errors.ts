import type { ModelErrorName } from './shapes/operations';

/**
 * Errors of the AWS front door, which no service model lists (kms-semantics §15.6). The query door has its own names for
 * them. ExpiredToken is of the caller's own credentials; ExpiredTokenException is STS's, of a token that was to be
 * exchanged.
 */
export type FrontDoorErrorCode =
  | 'AccessDeniedException'
  | 'ExpiredToken'
  | 'IncompleteSignatureException'
  | 'InternalFailure'
  | 'InvalidParameterValue'
  | 'InvalidSignatureException'
  | 'MissingAction'
  | 'MissingAuthenticationTokenException'
  | 'NotAuthorizedException'
  | 'RequestEntityTooLargeException'
  | 'SerializationException'
  | 'ServiceUnavailableException'
  | 'ThrottlingException'
  | 'UnknownOperationException'
  | 'UnrecognizedClientException'
  | 'ValidationException';

export type ErrorCode = ModelErrorName | FrontDoorErrorCode;

/**
 * The one error type inside Claviger. Each door has a table that turns a code into its wire form.
 * An empty message means that AWS sends none (kms-semantics §15.3).
 */
export class KmsError extends Error {
  override readonly name = 'KmsError';

  constructor(
    readonly code: ErrorCode,
    message = '',
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
