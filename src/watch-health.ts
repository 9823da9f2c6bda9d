import type { Token } from '../hsm';
import { sealingOf } from './auth/sealing-keys';
import type { StoreConnections } from './custom-key-stores/connections';
import type { Config } from './config';
import { type Database, countWorkers } from './db';
import { type Log, describeError } from './log';
import { readVersion } from './version';
import { type HealthEvent, HealthWatch } from './xks/health';
import { storesAsKeyManagers, tokenAsKeyManager } from './xks/key-manager';

interface Parts {
  readonly database: Database;
  readonly token: Token;
  readonly connections: Pick<StoreConnections, 'token'>;
  readonly config: Pick<Config, 'xksDeadlineMs'>;
  readonly log: Log;
}

/** What GetHealthStatus says of a worker, looked for in the background. Start it. */
export function watchHealth({ database, token, log, ...parts }: Parts): HealthWatch {
  return new HealthWatch({
    first: tokenAsKeyManager({ token, ...sealingOf('xks-health', { database, token }) }),
    vendor: token.status().manufacturer,
    fleet: async () => {
      const managers = await storesAsKeyManagers(database, parts.connections);
      return { size: await countWorkers(database), managers };
    },
    version: readVersion(),
    // An Encrypt whose result is proven takes as long; the other half is for everything else.
    slowMs: parts.config.xksDeadlineMs / 2,
    onChange: (event) => report(event, log),
    onUnknown: (error) =>
      log.warn('the fleet of the XKS proxy could not be read', {
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
