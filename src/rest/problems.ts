import type { ErrorCode, KmsError, Violation } from '../errors';

/** A code on the REST wire. */
export interface ProblemRow {
  readonly status: number;
  /** For a human who sees nothing else: what happened, and what to do where that is not plain. */
  readonly title: string;
}

const busy = 'A part of the service is away for the moment. Send the request again.';
const internal = 'The service failed. Send the request again; if it fails again, ask its operator.';
const iam = 'This operation is not served here.';

/** Each code as RFC 9457 has it: the status that a REST client expects, and a sentence that is the same each time. */
export const problemRows = {
  AccessDeniedException: {
    status: 403,
    title: 'The caller may not do this. A key policy, an IAM policy or a grant has to allow it.',
  },
  AlreadyExistsException: { status: 409, title: 'Something of this name exists already.' },
  CloudHsmClusterInUseException: {
    status: 409,
    title: 'Another custom key store uses this cluster already.',
  },
  CloudHsmClusterInvalidConfigurationException: {
    status: 409,
    title: 'The cluster is not configured as a custom key store needs it.',
  },
  CloudHsmClusterNotActiveException: { status: 409, title: 'The cluster is not active.' },
  CloudHsmClusterNotFoundException: { status: 404, title: 'There is no such cluster.' },
  CloudHsmClusterNotRelatedException: {
    status: 409,
    title: 'The cluster is not the one that the custom key store was made with.',
  },
  ConcurrentModification: { status: 409, title: iam },
  ConflictException: {
    status: 409,
    title: 'Another request changes the same thing. Send the request again when it is done.',
  },
  CustomKeyStoreHasCMKsException: {
    status: 409,
    title: 'The custom key store still has keys. Schedule their deletion first.',
  },
  CustomKeyStoreInvalidStateException: {
    status: 409,
    title: 'The custom key store is not in a state that allows this: see its ConnectionState.',
  },
  CustomKeyStoreNameInUseException: {
    status: 409,
    title: 'Another custom key store has this name already.',
  },
  CustomKeyStoreNotFoundException: { status: 404, title: 'There is no such custom key store.' },
  DeleteConflict: { status: 409, title: iam },
  DependencyTimeoutException: { status: 503, title: busy },
  DisabledException: { status: 409, title: 'The key is disabled. Enable it first.' },
  DryRunOperationException: {
    status: 412,
    title: 'The request would have succeeded. It asked for a dry run, so that nothing was done.',
  },
  EntityAlreadyExists: { status: 409, title: iam },
  EntityTemporarilyUnmodifiable: { status: 409, title: iam },
  ExpiredImportTokenException: {
    status: 422,
    title: 'The import token has expired. Get new import parameters.',
  },
  ExpiredToken: { status: 401, title: 'The credentials have expired. Get new ones.' },
  ExpiredTokenException: { status: 401, title: 'The credentials have expired. Get new ones.' },
  IDPCommunicationError: { status: 503, title: busy },
  IDPRejectedClaim: { status: 401, title: 'The identity provider does not vouch for the caller.' },
  IdempotentParameterMismatchException: {
    status: 422,
    title: 'This Idempotency-Key was sent with another request before. Choose a new one.',
  },
  IncompleteSignatureException: {
    status: 401,
    title: 'What the request has to prove its sender by is incomplete or ambiguous.',
  },
  IncorrectKeyException: {
    status: 422,
    title: 'The ciphertext was made under another key than the one that is named.',
  },
  IncorrectKeyMaterialException: {
    status: 422,
    title: 'The key material is not what was imported into this key before.',
  },
  IncorrectTrustAnchorException: {
    status: 409,
    title: 'The trust anchor certificate is not the one of the cluster.',
  },
  InternalFailure: { status: 500, title: internal },
  InvalidAliasNameException: { status: 422, title: 'This is no name that an alias can have.' },
  InvalidArnException: {
    status: 422,
    title: 'An ARN is malformed, or not of a kind that is meant.',
  },
  InvalidCiphertextException: {
    status: 422,
    title:
      'The ciphertext cannot be decrypted. It was changed, or made with another key, algorithm or encryption context.',
  },
  InvalidGrantIdException: { status: 422, title: 'The grant id is malformed.' },
  InvalidGrantTokenException: {
    status: 422,
    title: 'A grant token is malformed, or was issued for nothing that is known.',
  },
  InvalidIdentityToken: { status: 401, title: 'The identity token is not valid.' },
  InvalidImportTokenException: {
    status: 422,
    title: 'The import token is not of this key, or of older import parameters. Get new ones.',
  },
  InvalidInput: { status: 422, title: iam },
  InvalidKeyUsageException: {
    status: 422,
    title: 'The key is not made for this: see its KeyUsage and the algorithms that it has.',
  },
  InvalidMarkerException: {
    status: 422,
    title: 'The cursor is none that this list gave. Start again without one.',
  },
  InvalidParameterValue: { status: 422, title: 'A parameter has a value that it cannot have.' },
  InvalidSignatureException: {
    status: 401,
    title: 'The signature does not match the request, or is too old.',
  },
  KeyUnavailableException: {
    status: 503,
    title: 'The key is not available for the moment. Send the request again.',
  },
  KMSInternalException: { status: 500, title: internal },
  KMSInvalidMacException: { status: 422, title: 'The MAC is not that of this message and key.' },
  KMSInvalidSignatureException: {
    status: 422,
    title: 'The signature is not that of this message and key.',
  },
  KMSInvalidStateException: {
    status: 409,
    title: 'The key is not in a state that allows this: see its KeyState.',
  },
  LimitExceeded: { status: 409, title: iam },
  LimitExceededException: { status: 409, title: 'A limit is reached. Delete what is not needed.' },
  MalformedPolicyDocument: { status: 422, title: 'The policy document is malformed.' },
  MalformedPolicyDocumentException: {
    status: 422,
    title: 'The policy document is no policy, or one that is not accepted here.',
  },
  MethodNotAllowedException: {
    status: 405,
    title: 'This path does not take this method. The header Allow names those it takes.',
  },
  MissingAction: { status: 422, title: iam },
  MissingAuthenticationTokenException: {
    status: 401,
    title:
      'The request does not prove who sends it. Send an API token or a JWT as bearer, a client certificate, or a signature.',
  },
  NoSuchEntity: { status: 404, title: iam },
  NotAuthorizedException: {
    status: 403,
    title: 'Names that begin with alias/aws are kept for managed keys. Choose another one.',
  },
  NotFoundException: { status: 404, title: 'What the request names does not exist.' },
  OpenIdIdpCommunicationError: { status: 503, title: busy },
  PackedPolicyTooLarge: { status: 422, title: 'The policies are too large together.' },
  PolicyNotAttachable: { status: 422, title: iam },
  RegionDisabledException: { status: 403, title: 'The Region is disabled.' },
  RequestEntityTooLargeException: { status: 413, title: 'The body is too large.' },
  SerializationException: {
    status: 400,
    title:
      'The request cannot be read. A body must be JSON in UTF-8, and escapes in a URL complete.',
  },
  ServiceFailure: { status: 500, title: internal },
  ServiceUnavailableException: { status: 503, title: busy },
  TagException: { status: 422, title: 'A tag is not one that a key can have.' },
  ThrottlingException: {
    status: 429,
    title: 'There are too many requests. Send this one again later, as Retry-After says.',
  },
  UnknownOperationException: { status: 404, title: 'There is nothing at this path.' },
  UnmodifiableEntity: { status: 409, title: iam },
  UnrecognizedClientException: { status: 401, title: 'The credentials are not known here.' },
  UnsupportedMediaTypeException: {
    status: 415,
    title: 'A body must be sent as Content-Type: application/json, without a content encoding.',
  },
  UnsupportedOperationException: {
    status: 422,
    title: 'The service or the token does not offer this.',
  },
  ValidationException: { status: 422, title: 'The request is not valid.' },
  XksKeyAlreadyInUseException: {
    status: 409,
    title: 'Another key uses this external key already.',
  },
  XksKeyInvalidConfigurationException: {
    status: 409,
    title: 'The external key is not configured as it has to be.',
  },
  XksKeyNotFoundException: { status: 404, title: 'The proxy knows no such external key.' },
  XksProxyIncorrectAuthenticationCredentialException: {
    status: 409,
    title: 'The external key store proxy does not accept the credential.',
  },
  XksProxyInvalidConfigurationException: {
    status: 409,
    title: 'The external key store proxy is not configured as it has to be.',
  },
  XksProxyInvalidResponseException: {
    status: 409,
    title: 'The external key store proxy gave an answer that cannot be used.',
  },
  XksProxyUriEndpointInUseException: {
    status: 409,
    title: 'Another custom key store uses this endpoint already.',
  },
  XksProxyUriInUseException: {
    status: 409,
    title: 'Another custom key store uses this endpoint and path already.',
  },
  XksProxyUriUnreachableException: {
    status: 409,
    title: 'The external key store proxy cannot be reached.',
  },
  XksProxyVpcEndpointServiceInUseException: {
    status: 409,
    title: 'Another custom key store uses this VPC endpoint service already.',
  },
  XksProxyVpcEndpointServiceInvalidConfigurationException: {
    status: 409,
    title: 'The VPC endpoint service is not configured as it has to be.',
  },
  XksProxyVpcEndpointServiceNotFoundException: {
    status: 404,
    title: 'There is no such VPC endpoint service.',
  },
} as const satisfies Record<ErrorCode, ProblemRow>;

/** RFC 9457, and what AWS's SDKs call an error by. */
export interface Problem {
  /** See problemType. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What is particular to this request; absent where AWS says nothing more either. */
  readonly detail?: string;
  /** `urn:uuid:<request id>` */
  readonly instance: string;
  readonly code: ErrorCode;
  readonly requestId: string;
  /** As the Retry-After header has it, which entries of a batch have no place for. */
  readonly retryAfterSeconds?: number;
  readonly errors?: readonly ProblemViolation[];
}

export interface ProblemViolation {
  /** A JSON pointer as a URI fragment (RFC 6901 §6): `#/Tags/0/TagKey`. */
  readonly pointer: string;
  readonly in: 'body' | 'path' | 'query' | 'header';
  readonly detail: string;
}

/** Names the kind of a problem (RFC 9457 §3.1.1). */
export function problemType(code: string): string {
  return `urn:claviger:problem:${code}`;
}

/** Seconds until a request that met a lack of something may succeed, where nothing more is known of it. */
const soon = 1;

/** The ways to prove who one is that HTTP has names for (RFC 9110 §11.6.1). */
const challenge = 'Bearer, AWS4-HMAC-SHA256';

/** Says where the request has a value that its operation refused: the operation knows its input alone. */
export type Placing = (violation: Violation) => Violation;

export const asInput: Placing = (violation) => violation;

export function problemOf(error: KmsError, requestId: string, place = asInput): Problem {
  const { status, title } = rowOf(error);
  const errors = error.violations.map((violation) => problemViolation(place(violation)));
  return {
    type: problemType(error.code),
    title,
    status,
    ...(error.message !== '' && { detail: error.message }),
    instance: `urn:uuid:${requestId}`,
    code: error.code,
    requestId,
    ...(isRetriable(status) && { retryAfterSeconds: secondsOf(error) }),
    ...(errors.length > 0 && { errors }),
  };
}

/** Headers that go with a problem of that status. */
export function problemHeaders(
  status: number,
  error: Pick<KmsError, 'retryAfterSeconds'>,
): Readonly<Record<string, string>> {
  if (isRetriable(status)) return { 'Retry-After': String(secondsOf(error)) };
  return status === 401 ? { 'WWW-Authenticate': challenge } : {};
}

/** The same request may succeed a little later. */
function isRetriable(status: number): boolean {
  return status === 429 || status === 503;
}

function secondsOf({ retryAfterSeconds = soon }: Pick<KmsError, 'retryAfterSeconds'>): number {
  return retryAfterSeconds;
}

/** What fails because something is away is worth another try, whatever its code says. */
function rowOf({ code, unavailable }: KmsError): ProblemRow {
  const row = problemRows[code];
  return unavailable && row.status === 500 ? { status: 503, title: busy } : row;
}

function problemViolation({ pointer, in: place = 'body', detail }: Violation): ProblemViolation {
  return { pointer: fragment(pointer), in: place, detail };
}

/** Of what encodeURI leaves, a fragment cannot hold `#` (RFC 3986 §3.5); some who check pointers know no `?` either. */
function fragment(pointer: string): string {
  return `#${encodeURI(pointer).replaceAll('#', '%23').replaceAll('?', '%3F')}`;
}
