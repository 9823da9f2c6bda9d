/** The errors of the XKS proxy API, and their statuses (xks-proxy §1.10). */
export const xksStatuses = {
  ValidationException: 400,
  InvalidStateException: 400,
  InvalidCiphertextException: 400,
  InvalidKeyUsageException: 400,
  AuthenticationFailedException: 401,
  AccessDeniedException: 403,
  KeyNotFoundException: 404,
  InvalidUriPathException: 404,
  ThrottlingException: 429,
  InternalException: 500,
  UnsupportedOperationException: 501,
  DependencyTimeoutException: 503,
} as const;

export type XksErrorName = keyof typeof xksStatuses;

/** What an XKS request is refused with. The message is for the customer's logs: AWS KMS shows it to nobody. */
export class XksError extends Error {
  override readonly name = 'XksError';

  constructor(
    readonly errorName: XksErrorName,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
