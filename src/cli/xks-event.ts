import { randomUUID } from 'node:crypto';
import type { ServiceEvent } from '../audit';
import type { Config } from '../config';
import type { Key } from '../keys/key';

/** What a command changed, in the audit trail. No request caused it, so it is the service's own doing. */
export function changeEvent(
  { region }: Pick<Config, 'region'>,
  eventName: string,
  about: {
    readonly accountId: string;
    /** The KMS key that it is about. */
    readonly key?: Pick<Key, 'accountId' | 'arn'>;
    readonly details: Readonly<Record<string, unknown>>;
  },
): ServiceEvent {
  const { accountId, key, details } = about;
  return {
    completedAt: new Date(),
    eventId: randomUUID(),
    ...{ eventName, region, accountId, details },
    resources: key === undefined ? [] : [{ accountId: key.accountId, arn: key.arn }],
  };
}
