import type { ModelErrorName } from './shapes/operations';

/**
 * Errors of the AWS front door, which no service model lists (kms-semantics §15.6). The query door has its own names for
 * them. ExpiredToken is of the caller's own credentials; ExpiredTokenException is STS's, of a token that was to be
 * exchanged.
 */
export type FrontDoorErrorCode =
  | 'AccessDeniedException'
  | 'ExpiredToken'
  | 'IdempotentParameterMismatchException'
  | 'IncompleteSignatureException'
  | 'InternalFailure'
  | 'InvalidParameterValue'
  | 'InvalidSignatureException'
  | 'MethodNotAllowedException'
  | 'MissingAction'
  | 'MissingAuthenticationTokenException'
  | 'NotAuthorizedException'
  | 'RequestEntityTooLargeException'
  | 'SerializationException'
  | 'ServiceUnavailableException'
  | 'ThrottlingException'
  | 'UnknownOperationException'
  | 'UnrecognizedClientException'
  | 'UnsupportedMediaTypeException'
  | 'ValidationException';

export type ErrorCode = ModelErrorName | FrontDoorErrorCode;

/** One thing that is wrong with a request. */
export interface Violation {
  /** Which value of the input: a JSON pointer (RFC 6901). */
  readonly pointer: string;
  /** Where the request has it; undefined of an operation, which knows its input alone. */
  readonly in?: 'body' | 'path' | 'query' | 'header';
  /** What it must be, never what it is. */
  readonly detail: string;
}

export interface KmsErrorOptions {
  readonly cause?: unknown;
  /** Of an input that cannot be as it is: all that is known to be wrong with it. */
  readonly violations?: readonly Violation[];
  /** A part that the service needs is away, and comes back: the same request may succeed in a moment. */
  readonly unavailable?: true;
  /** Of a request that came too soon: after how many seconds, at the latest, the same one may be served. */
  readonly retryAfterSeconds?: number;
}

/**
 * The one error type inside Claviger. Each door has a table that turns a code into its wire form.
 * An empty message means that AWS sends none (kms-semantics §15.3).
 */
export class KmsError extends Error {
  override readonly name = 'KmsError';
  readonly violations: readonly Violation[];
  readonly unavailable: boolean;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message = '',
    options: KmsErrorOptions = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.violations = options.violations ?? [];
    this.unavailable = options.unavailable === true;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/**
 * The refusal of a value that its shape allows. `member` is the name of one, or a path (`Constraints/SourceArn`) to one of an
 * input's; `detail` what it must be, where the message says that in other words.
 */
export function invalidMember(member: string, message: string, detail = message): KmsError {
  return refusedMember('ValidationException', member, message, detail);
}

/** As invalidMember, for refusals that have a code of their own. */
export function refusedMember(
  code: ErrorCode,
  member: string,
  message: string,
  detail = message,
): KmsError {
  return new KmsError(code, message, atMember(member, detail));
}

/** The same among the options of a KmsError, for one that has others too. */
export function atMember(
  member: string,
  detail: string,
): { readonly violations: readonly Violation[] } {
  return { violations: [{ pointer: `/${member}`, detail }] };
}
