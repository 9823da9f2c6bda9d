import { randomUUID } from 'node:crypto';
import { auditLine, serviceEventRecord } from './audit';
import { type Config, networkSettings } from './config';
import type { Corridor } from './corridor';
import { type XksCorridor, handleXks } from './dispatch-xks';
import { xks } from './doors/xks';
import { type Log, describeError } from './log';
import { readNetworks } from './networks';
import type { Rates } from './rates/rates';
import type { Handler } from './server';
import type { RecordedService } from './trail';
import { Admission } from './xks/admission';
import { Deadlines } from './xks/deadlines';
import type { Health } from './xks/health';
import { countedTogether } from './xks/overload';
import type { XksRequestEvent } from './xks/request-event';
import { XksSignatures } from './xks/signatures';

export interface XksParts {
  readonly config: Config;
  readonly log: Log;
  readonly corridor: Corridor;
  readonly health: Health;
  readonly rates: Rates;
  readonly onXksRequest: (event: XksRequestEvent) => void;
  readonly onXksOverload: (refused: number) => void;
}

/** The door of the XKS proxy, with the corridor behind it. */
export function buildXks({
  config,
  log,
  corridor: { services, ...parts },
  ...told
}: XksParts): Handler {
  const onUnrecorded = (error: unknown): void =>
    log.error('XKS requests that were answered could not be recorded', {
      error: describeError(error),
    });
  const record = (line: string): void => void parts.audit.append(line).catch(onUnrecorded);
  const corridor: XksCorridor = {
    stores: services.xksStores,
    externalKeys: services.externalKeys,
    signatures: new XksSignatures(Date.now),
    finder: services.finder,
    keyring: services.keyring,
    keyUses: services.keyUses,
    health: told.health,
    rates: told.rates,
    admission: new Admission({ deadlineMs: config.xksDeadlineMs }),
    deadlines: new Deadlines(config.xksDeadlineMs),
    audit: parts.audit,
    service: parts.service,
    onRequest: told.onXksRequest,
    onOverload: countedTogether((refused) => {
      told.onXksOverload(refused);
      record(refusedUnread(parts.service, refused));
    }),
    onUnrecorded,
  };
  return xks({
    newRequestId: randomUUID,
    networks: readNetworks(networkSettings(config)),
    handle: (request) => handleXks(corridor, request),
  });
}

/** One record of them all: to write one each would cost what there is too little of. */
function refusedUnread({ region, accountId }: RecordedService, requests: number): string {
  return auditLine(
    serviceEventRecord({
      completedAt: new Date(),
      eventId: randomUUID(),
      eventName: 'RefuseXksRequests',
      ...{ region, accountId, resources: [] },
      details: { reason: 'overload', requests },
    }),
  );
}
