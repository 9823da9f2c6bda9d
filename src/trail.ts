import { randomUUID } from 'node:crypto';
import { withoutApiTokens } from './auth/api-token';
import {
  type AuditedCall,
  type AuditResource,
  accountOf,
  auditLine,
  auditRecord,
  recordable,
} from './audit';
import type { KmsError } from './errors';
import type { Key } from './keys/key';
import type { NetworkZone } from './networks';
import type { AccountAction, ResponseElements } from './operation';
import type { Principal } from './policy/principal';
import type { OperationName, ServiceName } from './shapes/operations';

/** Where a request came from. */
export interface RequestOrigin {
  /** The client's address: IPv4 dotted, IPv6 as RFC 5952 writes it; `unknown` of a connection that is gone already. */
  readonly sourceIp: string;
  /** The configured network zone that the client is in. */
  readonly zone?: NetworkZone | undefined;
  /** By TLS, here or at a trusted proxy. */
  readonly secureTransport: boolean;
  readonly userAgent: string | undefined;
  readonly referer?: string | undefined;
  /** What a service says that it acts for, signed: x-amz-source-arn, x-amz-source-account. */
  readonly sourceArn?: string | undefined;
  readonly sourceAccount?: string | undefined;
  /** Undefined on a listener without TLS. */
  readonly tls:
    | { readonly version: string; readonly cipherSuite: string; readonly host: string | undefined }
    | undefined;
}

/** What a record is made of besides what the corridor learns. */
export interface TrailedRequest {
  readonly requestId: string;
  readonly origin: RequestOrigin;
  /** Known once the operation is named. */
  readonly service: ServiceName | undefined;
  /** Of one of several that a body brought together: its id. */
  readonly batchRequestId?: string | undefined;
}

/** What the service says of itself in every record. */
export interface RecordedService {
  readonly region: string;
  /** The account of records that have no caller. */
  readonly accountId: string;
}

interface AuditedOperation {
  readonly readOnly: boolean;
  readonly audited: readonly string[];
  readonly auditedDefaults?: object;
}

/** What a record tells of the end of a request. */
interface Outcome {
  readonly eventId: string;
  readonly responseElements: ResponseElements;
  readonly error?: AuditedCall['error'];
}

/** Longest name of an operation that does not exist which a record repeats. */
const maxClaimedName = 128;

/** What the corridor learns of a request on its way; the audit record is made of it. */
export class Trail {
  operation: OperationName | undefined;
  /** The operation's name as sent, where it is none of ours. */
  claimedOperation: string | undefined;
  caller: Principal | undefined;
  keys: readonly Key[] = [];
  /**
   * ARNs of what else the request is about: aliases, recorded beside their keys (kms-semantics §16.3), IAM entities. An
   * ARN stands here once an action on it (AssumeRole with tags has two), and in the record once.
   */
  private otherArns: readonly string[] = [];
  /** Of what succeeds, what its record says besides request and answer. */
  additional: Readonly<Record<string, unknown>> | undefined;
  /** What the attestation document in the request proved of its recipient; of what is refused too. */
  recipient: Readonly<Record<string, string>> | undefined;
  /** Set once it is valid: then its audited members may be recorded. */
  input: object | undefined;
  private declared: AuditedOperation | undefined;

  constructor(
    readonly request: TrailedRequest,
    private readonly service: RecordedService,
  ) {}

  about(actions: readonly AccountAction[]): void {
    this.otherArns = actions.map(({ resource }) => resource).filter((arn) => arn !== '*');
  }

  /** Whether it reads or writes is known, whatever its input turns out to be. */
  declare(operation: AuditedOperation | undefined): void {
    this.declared = operation;
  }

  success(responseElements: ResponseElements, eventId: string = randomUUID()): string {
    return this.line({ eventId, responseElements });
  }

  refusal(error: KmsError): string {
    const { code, message } = error;
    return this.line({ eventId: randomUUID(), responseElements: null, error: { code, message } });
  }

  private resources(): readonly AuditResource[] {
    const accountId = this.caller?.accountId;
    if (accountId === undefined) return this.keys;
    const arns = [...new Set(this.otherArns)];
    const others = arns.map((arn) => ({ accountId: accountOf(arn, accountId), arn }));
    return [...others, ...this.keys];
  }

  private further(succeeded: boolean): ResponseElements | undefined {
    const { additional, recipient } = this;
    const { batchRequestId: BatchRequestId } = this.request;
    const own = succeeded ? additional : undefined;
    const store = this.storeOfKey();
    if (recipient === undefined && store === undefined && BatchRequestId === undefined) return own;
    return { ...own, ...store, ...(recipient && { recipient }), BatchRequestId };
  }

  /** Of a key in a custom key store; where there are two keys, the operation says it of each (kms-semantics §16.4). */
  private storeOfKey(): ResponseElements | undefined {
    const [key, ...others] = this.keys;
    if (key?.customKeyStore === undefined || others.length > 0) return undefined;
    return { CustomKeyStoreId: key.customKeyStore.id, XksKeyId: key.xksKeyId };
  }

  private line({ eventId, responseElements, error }: Outcome): string {
    const { request, service, caller, declared, input } = this;
    const { origin } = request;
    const line = auditLine(
      auditRecord({
        completedAt: new Date(),
        eventId,
        requestId: request.requestId,
        // Only the query protocol has requests that name no service of ours.
        service: request.service ?? 'sts',
        eventName:
          this.operation ?? this.claimedOperation?.slice(0, maxClaimedName) ?? 'UnknownOperation',
        caller,
        region: service.region,
        sourceIPAddress: origin.sourceIp,
        vpcEndpointId: origin.zone?.vpceId,
        userAgent: origin.userAgent,
        error,
        requestParameters:
          declared === undefined || input === undefined
            ? null
            : recordable(input, declared.audited, declared.auditedDefaults),
        responseElements: recorded(responseElements) ?? null,
        additionalEventData: recorded(this.further(error === undefined)),
        readOnly: declared?.readOnly ?? true,
        resources: this.resources(),
        recipientAccountId: caller?.accountId ?? service.accountId,
        tls: origin.tls,
      }),
    );
    return withoutApiTokens(line);
  }
}

function recorded(
  members: ResponseElements | undefined,
): Readonly<Record<string, unknown>> | undefined {
  return (members && recordable(members, Object.keys(members))) ?? undefined;
}
