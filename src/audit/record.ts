import { type AuditedCaller, type Members, userIdentity, wholeSeconds } from './identity';
import { type AuditResource, type RecordedResource, recordedResource } from './resources';
import type { ServiceEventRecord } from './service-event';

/** What the corridor knows of a request when it ends. */
export interface AuditedCall {
  /** When the request was completed. */
  readonly completedAt: Date;
  readonly eventId: string;
  readonly requestId: string;
  readonly service: 'kms' | 'iam' | 'sts' | 'claviger' | 'kms-xks-proxy';
  readonly eventName: string;
  /** Undefined when nobody was authenticated. */
  readonly caller: AuditedCaller | undefined;
  readonly region: string;
  readonly sourceIPAddress: string;
  readonly userAgent: string | undefined;
  /** An AWS error name and its text. */
  readonly error?: { readonly code: string; readonly message: string } | undefined;
  /** Without secrets: see recordable(). */
  readonly requestParameters: Members | null;
  readonly responseElements: Members | null;
  readonly additionalEventData?: Members | undefined;
  readonly readOnly: boolean;
  readonly resources: readonly AuditResource[];
  /** Account of the caller, or of the service itself when there is none. */
  readonly recipientAccountId: string;
  /** Joins the records that one request leaves in two accounts. */
  readonly sharedEventId?: string | undefined;
  readonly vpcEndpointId?: string | undefined;
  readonly tls?:
    | {
        /** `TLSv1.3` */
        readonly version: string;
        readonly cipherSuite: string;
        readonly host: string | undefined;
      }
    | undefined;
}

/** A CloudTrail record (kms-semantics §16.1; AWS CloudTrail, record contents, eventVersion 1.11). */
export interface AuditRecord {
  readonly eventVersion: '1.11';
  readonly userIdentity: Members;
  /** ISO 8601 in UTC, whole seconds. */
  readonly eventTime: string;
  readonly eventSource: `${AuditedCall['service']}.amazonaws.com`;
  readonly eventName: string;
  readonly awsRegion: string;
  readonly sourceIPAddress: string;
  readonly userAgent: string;
  readonly errorCode?: string | undefined;
  readonly errorMessage?: string | undefined;
  readonly requestParameters: Members | null;
  readonly responseElements: Members | null;
  readonly additionalEventData?: Members | undefined;
  readonly requestID: string;
  readonly eventID: string;
  readonly readOnly: boolean;
  readonly resources: readonly RecordedResource[];
  readonly eventType: 'AwsApiCall';
  readonly managementEvent: true;
  readonly recipientAccountId: string;
  readonly sharedEventID?: string | undefined;
  readonly vpcEndpointId?: string | undefined;
  readonly eventCategory: 'Management';
  readonly tlsDetails?: Members | undefined;
}

/** CloudTrail's names of errors, where they are not those of the wire: it has IAM's and STS's by their exceptions' names. */
const recordedErrorCodes: Readonly<Record<string, string>> = {
  AccessDeniedException: 'AccessDenied',
  ConcurrentModification: 'ConcurrentModificationException',
  DeleteConflict: 'DeleteConflictException',
  EntityAlreadyExists: 'EntityAlreadyExistsException',
  EntityTemporarilyUnmodifiable: 'EntityTemporarilyUnmodifiableException',
  ExpiredToken: 'ExpiredTokenException',
  IDPCommunicationError: 'IDPCommunicationErrorException',
  IDPRejectedClaim: 'IDPRejectedClaimException',
  InvalidIdentityToken: 'InvalidIdentityTokenException',
  InvalidInput: 'InvalidInputException',
  LimitExceeded: 'LimitExceededException',
  MalformedPolicyDocument: 'MalformedPolicyDocumentException',
  NoSuchEntity: 'NoSuchEntityException',
  OpenIdIdpCommunicationError: 'OpenIdIdpCommunicationErrorException',
  PackedPolicyTooLarge: 'PackedPolicyTooLargeException',
  PolicyNotAttachable: 'PolicyNotAttachableException',
  ServiceFailure: 'ServiceFailureException',
  UnmodifiableEntity: 'UnmodifiableEntityException',
};

/** CloudTrail's limits: 1 KB for userAgent and errorMessage, 100 KB for the members of request and answer. */
const maxTextLength = 1024;
const maxMembersLength = 102_400;

/** The record of one request; JSON leaves its undefined members out. */
export function auditRecord(call: AuditedCall): AuditRecord {
  const { error } = call;
  return {
    eventVersion: '1.11',
    userIdentity: userIdentity(call.caller),
    eventTime: wholeSeconds(call.completedAt),
    eventSource: `${call.service}.amazonaws.com`,
    eventName: call.eventName.slice(0, maxTextLength),
    awsRegion: call.region,
    sourceIPAddress: call.sourceIPAddress,
    userAgent: (call.userAgent ?? '').slice(0, maxTextLength),
    errorCode: error && (recordedErrorCodes[error.code] ?? error.code),
    errorMessage: error?.message.slice(0, maxTextLength) || undefined,
    requestParameters: call.requestParameters,
    responseElements: call.responseElements,
    additionalEventData: call.additionalEventData,
    requestID: call.requestId,
    eventID: call.eventId,
    readOnly: call.readOnly,
    resources: call.resources.map(recordedResource),
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: call.recipientAccountId,
    sharedEventID: call.sharedEventId,
    vpcEndpointId: call.vpcEndpointId,
    eventCategory: 'Management',
    tlsDetails: call.tls && tlsDetails(call.tls),
  };
}

/**
 * One line of compact JSON: JSON escapes every control character, so it never holds a line end or a NUL, which the
 * column could not take. Members beyond CloudTrail's limit are replaced by a note of their size.
 */
export function auditLine(record: AuditRecord | ServiceEventRecord): string {
  const line = JSON.stringify(record);
  if (line.length <= maxMembersLength) return queryable(line);
  return queryable(
    JSON.stringify({
      ...record,
      requestParameters: bounded(record.requestParameters),
      responseElements: bounded(record.responseElements),
    }),
  );
}

/**
 * Postgres reads no JSON that escapes U+0000 or half a surrogate pair (a text cut at its limit may end in one): a caller
 * who sends them would make every query over the records fail. They are kept as the six characters of their escape.
 */
function queryable(line: string): string {
  if (!line.includes('\\u0000') && !line.includes('\\ud')) return line;
  return line.replace(/\\(?:\\|u0000|ud[89a-f][0-9a-f]{2})/g, (escape) =>
    escape === '\\\\' ? escape : `\\${escape}`,
  );
}

function bounded(members: Members | null): Members | null {
  const length = JSON.stringify(members).length;
  if (length <= maxMembersLength) return members;
  return { omitted: true, originalSize: length, reason: 'larger than 100 KB' };
}

function tlsDetails(tls: NonNullable<AuditedCall['tls']>): Members {
  return {
    tlsVersion: tls.version,
    cipherSuite: tls.cipherSuite,
    ...(tls.host === undefined
      ? {}
      : { clientProvidedHostHeader: tls.host.slice(0, maxTextLength) }),
  };
}
