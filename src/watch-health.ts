import type { Token } from '../hsm';
import { Sealing } from './auth/sealing';
import { SealingKeys } from './auth/sealing-keys';
import { type Database, countWorkers } from './db';
import { type Log, describeError } from './log';
import { readVersion } from './version';
import { type HealthEvent, HealthWatch } from './xks/health';
import { tokenAsKeyManager } from './xks/key-manager';

interface Parts {
  readonly database: Database;
  readonly token: Token;
  readonly log: Log;
  /** Of a request of the XKS proxy. */
  readonly deadlineMs: number;
}

/** What GetHealthStatus says of a worker, looked for in the background. Start it. */
export function watchHealth({ database, token, log, deadlineMs }: Parts): HealthWatch {
  const sealing = new Sealing(token, 'xks-health', database);
  const sealingKeys = new SealingKeys(database, sealing);
  return new HealthWatch({
    managers: [tokenAsKeyManager({ token, sealing, sealingKeys })],
    fleetSize: () => countWorkers(database),
    version: readVersion(),
    // An Encrypt whose result is proven takes as long; the other half is for everything else.
    slowMs: deadlineMs / 2,
    onChange: (event) => report(event, log),
    onUncounted: (error) =>
      log.warn('the workers of the XKS proxy could not be counted', {
        error: describeError(error),
      }),
  });
}

function report({ manager, health, milliseconds, error }: HealthEvent, log: Log): void {
  log.at(
    health === 'ACTIVE' ? 'info' : 'warn',
    'the health of a key manager of the XKS proxy changed',
    {
      manager: manager.id,
      health,
      milliseconds: Math.round(milliseconds),
      error: error === undefined ? undefined : describeError(error),
    },
  );
}
