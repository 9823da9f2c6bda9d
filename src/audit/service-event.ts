import { type Members, wholeSeconds } from './identity';
import { type AuditResource, type RecordedResource, recordedResource } from './resources';

/** What the service did by itself. */
export interface ServiceEvent {
  readonly completedAt: Date;
  readonly eventId: string;
  readonly eventName: string;
  readonly region: string;
  /** Of the account whose thing it is about. */
  readonly accountId: string;
  readonly resources: readonly AuditResource[];
  readonly details?: Members;
  /** What the record says besides (kms-semantics §16.4). */
  readonly additional?: Members | undefined;
}

/** CloudTrail's AwsServiceEvent, which no request caused (kms-semantics §16.5). */
export interface ServiceEventRecord {
  readonly eventVersion: '1.11';
  readonly userIdentity: { readonly accountId: string; readonly invokedBy: 'AWS Internal' };
  readonly eventTime: string;
  readonly eventSource: 'kms.amazonaws.com';
  readonly eventName: string;
  readonly awsRegion: string;
  readonly sourceIPAddress: 'AWS Internal';
  readonly userAgent: 'AWS Internal';
  readonly requestParameters: null;
  readonly responseElements: null;
  readonly additionalEventData?: Members | undefined;
  readonly eventID: string;
  readonly readOnly: false;
  readonly resources: readonly RecordedResource[];
  readonly eventType: 'AwsServiceEvent';
  readonly managementEvent: true;
  readonly recipientAccountId: string;
  readonly serviceEventDetails?: Members;
  readonly eventCategory: 'Management';
}

export function serviceEventRecord(event: ServiceEvent): ServiceEventRecord {
  return {
    eventVersion: '1.11',
    userIdentity: { accountId: event.accountId, invokedBy: 'AWS Internal' },
    eventTime: wholeSeconds(event.completedAt),
    eventSource: 'kms.amazonaws.com',
    eventName: event.eventName,
    awsRegion: event.region,
    sourceIPAddress: 'AWS Internal',
    userAgent: 'AWS Internal',
    requestParameters: null,
    responseElements: null,
    additionalEventData: event.additional,
    eventID: event.eventId,
    readOnly: false,
    resources: event.resources.map(recordedResource),
    eventType: 'AwsServiceEvent',
    managementEvent: true,
    recipientAccountId: event.accountId,
    ...(event.details === undefined ? {} : { serviceEventDetails: event.details }),
    eventCategory: 'Management',
  };
}
