import { randomUUID } from 'node:crypto';
import { type Config, networkSettings } from './config';
import type { Corridor } from './corridor';
import { type XksCorridor, handleXks } from './dispatch-xks';
import { xks } from './doors/xks';
import { type Log, describeError } from './log';
import { readNetworks } from './networks';
import type { Rates } from './rates/rates';
import type { Handler } from './server';
import { Admission } from './xks/admission';
import { Deadlines } from './xks/deadlines';
import type { Health } from './xks/health';
import type { XksRequestEvent } from './xks/request-event';
import { XksSignatures } from './xks/signatures';

export interface XksParts {
  readonly config: Config;
  readonly log: Log;
  readonly corridor: Corridor;
  readonly health: Health;
  readonly rates: Rates;
  readonly onXksRequest: (event: XksRequestEvent) => void;
  readonly onXksOverload: () => void;
}

/** The door of the XKS proxy, with the corridor behind it. */
export function buildXks({
  config,
  log,
  corridor: { services, ...parts },
  ...told
}: XksParts): Handler {
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
    onOverload: told.onXksOverload,
    onUnrecorded: (error) =>
      log.error('an XKS request that was answered late could not be recorded', {
        error: describeError(error),
      }),
  };
  return xks({
    newRequestId: randomUUID,
    networks: readNetworks(networkSettings(config)),
    handle: (request) => handleXks(corridor, request),
  });
}
