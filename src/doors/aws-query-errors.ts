import type { ErrorCode } from '../errors';

export interface QueryError {
  readonly status: number;
  /** Its name on this wire, where that is not its code. */
  readonly code?: string;
  /** AWS's text on this wire, where it is not that of the JSON one. */
  readonly message?: string;
}

const badRequest: QueryError = { status: 400 };
const conflict: QueryError = { status: 409 };
const invalidAction: QueryError = { status: 400, code: 'InvalidAction' };
const internal: QueryError = { status: 500, code: 'InternalFailure' };
const unavailable: QueryError = { status: 503, code: 'ServiceUnavailable' };

/**
 * Each code on the AWS query wire: the statuses that the models of IAM and STS have, and the names of AWS's common errors.
 * Errors of KMS alone do not come this way, and keep their names.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
 */
export const queryErrors = {
  AccessDeniedException: { status: 403, code: 'AccessDenied' },
  AlreadyExistsException: badRequest,
  CloudHsmClusterInUseException: badRequest,
  CloudHsmClusterInvalidConfigurationException: badRequest,
  CloudHsmClusterNotActiveException: badRequest,
  CloudHsmClusterNotFoundException: badRequest,
  CloudHsmClusterNotRelatedException: badRequest,
  ConcurrentModification: conflict,
  ConflictException: badRequest,
  CustomKeyStoreHasCMKsException: badRequest,
  CustomKeyStoreInvalidStateException: badRequest,
  CustomKeyStoreNameInUseException: badRequest,
  CustomKeyStoreNotFoundException: badRequest,
  DeleteConflict: conflict,
  DependencyTimeoutException: unavailable,
  DisabledException: badRequest,
  DryRunOperationException: badRequest,
  EntityAlreadyExists: conflict,
  EntityTemporarilyUnmodifiable: conflict,
  ExpiredImportTokenException: badRequest,
  ExpiredToken: { status: 403 },
  ExpiredTokenException: badRequest,
  IDPCommunicationError: badRequest,
  IDPRejectedClaim: { status: 403 },
  IdempotentParameterMismatchException: badRequest,
  IncompleteSignatureException: { status: 400, code: 'IncompleteSignature' },
  IncorrectKeyException: badRequest,
  IncorrectKeyMaterialException: badRequest,
  IncorrectTrustAnchorException: badRequest,
  InternalFailure: internal,
  InvalidAliasNameException: badRequest,
  InvalidArnException: badRequest,
  InvalidCiphertextException: badRequest,
  InvalidGrantIdException: badRequest,
  InvalidGrantTokenException: badRequest,
  InvalidIdentityToken: badRequest,
  InvalidImportTokenException: badRequest,
  InvalidInput: badRequest,
  InvalidKeyUsageException: badRequest,
  InvalidMarkerException: badRequest,
  InvalidParameterValue: badRequest,
  InvalidSignatureException: { status: 403, code: 'SignatureDoesNotMatch' },
  KeyUnavailableException: unavailable,
  KMSInternalException: internal,
  KMSInvalidMacException: badRequest,
  KMSInvalidSignatureException: badRequest,
  KMSInvalidStateException: badRequest,
  LimitExceeded: conflict,
  LimitExceededException: badRequest,
  MalformedPolicyDocument: badRequest,
  MalformedPolicyDocumentException: { status: 400, code: 'MalformedPolicyDocument' },
  MethodNotAllowedException: badRequest,
  MissingAction: badRequest,
  MissingAuthenticationTokenException: {
    status: 403,
    code: 'MissingAuthenticationToken',
    message: 'Request is missing Authentication Token',
  },
  NoSuchEntity: { status: 404 },
  NotAuthorizedException: { status: 400, code: 'NotAuthorized' },
  NotFoundException: badRequest,
  OpenIdIdpCommunicationError: badRequest,
  PackedPolicyTooLarge: badRequest,
  PolicyNotAttachable: badRequest,
  RegionDisabledException: { status: 403 },
  RequestEntityTooLargeException: { status: 413, code: 'RequestEntityTooLarge' },
  SerializationException: { status: 400, code: 'MalformedInput' },
  ServiceFailure: { status: 500 },
  ServiceUnavailableException: unavailable,
  TagException: badRequest,
  ThrottlingException: { status: 400, code: 'Throttling' },
  UnknownOperationException: invalidAction,
  UnmodifiableEntity: badRequest,
  UnsupportedMediaTypeException: badRequest,
  UnrecognizedClientException: { status: 403, code: 'InvalidClientTokenId' },
  UnsupportedOperationException: invalidAction,
  ValidationException: { status: 400, code: 'ValidationError' },
  XksKeyAlreadyInUseException: badRequest,
  XksKeyInvalidConfigurationException: badRequest,
  XksKeyNotFoundException: badRequest,
  XksProxyIncorrectAuthenticationCredentialException: badRequest,
  XksProxyInvalidConfigurationException: badRequest,
  XksProxyInvalidResponseException: badRequest,
  XksProxyUriEndpointInUseException: badRequest,
  XksProxyUriInUseException: badRequest,
  XksProxyUriUnreachableException: badRequest,
  XksProxyVpcEndpointServiceInUseException: badRequest,
  XksProxyVpcEndpointServiceInvalidConfigurationException: badRequest,
  XksProxyVpcEndpointServiceNotFoundException: badRequest,
} as const satisfies Record<ErrorCode, QueryError>;
