import { randomUUID } from 'node:crypto';
import { type AuditedCall, type AuditedCaller, auditLine, auditRecord } from '../audit';
import type { Key } from '../keys/key';
import type { RecordedService, RequestOrigin } from '../trail';
import type { Members } from './fields';
import type { XksPath } from './path';
import type { Denial } from './rules';
import type { XksStore } from './store';

/** What is recorded of a refusal. */
export interface XksRefusal {
  readonly code: string;
  readonly message: string;
}

export interface XksRequestFacts {
  readonly requestId: string;
  readonly origin: RequestOrigin;
}

/** A text of requestMetadata that is longer than any that must be supported is kept in part. */
const maxTextLength = 2048;
const maxNameLength = 64;
const maxMembers = 32;

/** Who calls is a service of AWS; for whom, it says in requestMetadata. */
const awsKms = 'kms.amazonaws.com';

/** What the corridor learns of an XKS request on its way; the audit record and the request log are made of it. */
export class XksTrail {
  path: XksPath | undefined;
  store: XksStore | undefined;
  /** Of the credential that signed. */
  accessKeyId: string | undefined;
  /** Its requestMetadata, as far as that is kept. The names are the caller's, too. */
  about: Readonly<Record<string, string>> | undefined;
  /** Behind the external key. */
  key: Key | undefined;
  keyMaterialId: string | undefined;
  /** The rule of secondary authorization that denied. */
  deniedBy: Denial | undefined;

  constructor(
    readonly request: XksRequestFacts,
    private readonly service: RecordedService,
  ) {}

  get externalKeyId(): string | undefined {
    return this.path !== undefined && 'externalKeyId' in this.path
      ? this.path.externalKeyId
      : undefined;
  }

  /** Keeps the texts among the members, those too that AWS may add (xks-proxy §1.3). */
  tellOf(metadata: Members): void {
    const about: Record<string, string> = {};
    for (const name of Object.keys(metadata).slice(0, maxMembers)) {
      const text = metadata[name];
      if (typeof text === 'string' && name.length <= maxNameLength) {
        about[name] = text.slice(0, maxTextLength);
      }
    }
    this.about = about;
  }

  success(eventId: string): string {
    return this.line(eventId, undefined);
  }

  refusal(error: XksRefusal): string {
    return this.line(randomUUID(), error);
  }

  private line(eventId: string, error: AuditedCall['error']): string {
    const { request, service, path, store, key } = this;
    const { origin } = request;
    return auditLine(
      auditRecord({
        completedAt: new Date(),
        eventId,
        requestId: request.requestId,
        service: 'kms-xks-proxy',
        eventName: path?.operation ?? 'UnknownOperation',
        caller: this.caller(),
        region: service.region,
        sourceIPAddress: origin.sourceIp,
        vpcEndpointId: origin.zone?.vpceId,
        userAgent: origin.userAgent,
        error,
        requestParameters: this.parameters(),
        responseElements: null,
        additionalEventData: this.additional(),
        readOnly: true,
        resources: key === undefined ? [] : [key],
        recipientAccountId: store?.accountId ?? service.accountId,
        tls: origin.tls,
      }),
    );
  }

  private caller(): AuditedCaller | undefined {
    const { accessKeyId, store } = this;
    if (accessKeyId === undefined || store === undefined) return undefined;
    const { accountId } = store;
    return { kind: 'service', principalId: awsKms, arn: awsKms, accountId, accessKeyId };
  }

  private parameters(): Readonly<Record<string, unknown>> | null {
    const { path, externalKeyId, about } = this;
    if (path === undefined) return null;
    return { prefix: path.prefix, externalKeyId, requestMetadata: about };
  }

  private additional(): Readonly<Record<string, unknown>> | undefined {
    const { keyMaterialId, deniedBy } = this;
    if (keyMaterialId === undefined && deniedBy === undefined) return undefined;
    return { keyMaterialId, deniedBy };
  }
}
