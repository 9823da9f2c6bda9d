import type { Token } from '../hsm';
import { sealingOf } from './auth/sealing-keys';
import type { Config } from './config';
import { Backoff } from './custom-key-stores/backoff';
import { StoreConnecting } from './custom-key-stores/connecting';
import type { Connectors, StoreConnections } from './custom-key-stores/connections';
import { OpenConnections } from './custom-key-stores/registry';
import { StoreSecrets } from './custom-key-stores/secrets';
import type { ChangeFeed, Database } from './db';
import { type Log, describeError } from './log';
import type { CustomKeyStores } from './operation';

export interface StoreConnectionParts {
  readonly config: Pick<Config, 'revocationWaitMs' | 'tokenDeadlineMs'>;
  readonly database: Database;
  /** Of the deployment, not of a store: it seals their secrets. */
  readonly token: Token;
  readonly feed: ChangeFeed;
  readonly connectors: Connectors;
  /** Has what went wrong with a store, which whoever looks at it is not told in so many words. */
  readonly log: Log;
}

export interface OpenKeyStores extends CustomKeyStores {
  readonly connections: StoreConnections;
  /** Ends what is being connected, then what is connected. */
  close(): Promise<void>;
}

const firstRetryMs = 250;
const longestRetryMs = 5000;
const longestConnectMs = 60_000;
const maxConnections = 1000;

interface Connected {
  readonly secrets: StoreSecrets;
  readonly connections: OpenConnections;
  readonly onFailed: (store: string, error: unknown) => void;
}

function openConnections(
  parts: Omit<StoreConnectionParts, 'feed'> & {
    readonly feed: Pick<ChangeFeed, 'trusted' | 'onChange' | 'onReset'>;
  },
): Connected {
  const { config, database, token, feed, connectors, log } = parts;
  const onFailed = (store: string, error: unknown): void =>
    log.warn('a custom key store failed', { store, error: describeError(error) });
  const secrets = new StoreSecrets(sealingOf('key-store-sealing', { database, token }));
  const connections = new OpenConnections({
    ...{ db: database, feed, secrets, connectors, onFailed },
    backoff: new Backoff({
      firstMs: firstRetryMs,
      longestMs: longestRetryMs,
      now: () => performance.now(),
    }),
    drainMs: drainMsOf(config),
    waitMs: config.tokenDeadlineMs,
    capacity: maxConnections,
  });
  return { secrets, connections, onFailed };
}

/** For a process that hears of no changes, such as a command: each connection is of a row that was just read. */
export function openUntoldConnections(
  parts: Omit<StoreConnectionParts, 'feed'>,
): Pick<StoreConnections, 'token' | 'openTokens' | 'close'> {
  const untold = { trusted: false, onChange: () => undefined, onReset: () => undefined };
  return openConnections({ ...parts, feed: untold }).connections;
}

/** What a worker has of custom key stores. Call it in the tick in which the feed is opened. */
export function openCustomKeyStores(parts: StoreConnectionParts): OpenKeyStores {
  const { config, database, feed, connectors } = parts;
  const { secrets, connections, onFailed } = openConnections(parts);
  const connecting = new StoreConnecting({
    ...{ database, changes: feed, secrets, connectors, connections, onFailed },
    longestMs: longestConnectMs,
    closeMs: drainMsOf(config),
  });
  return {
    secrets,
    connectors,
    connections,
    connecting,
    close: async () => {
      await connecting.close();
      await connections.close();
    },
  };
}

/** A worker holds up a change for less than others wait for it: see leaseShare of the change feed. */
function drainMsOf({ revocationWaitMs }: Pick<Config, 'revocationWaitMs'>): number {
  return revocationWaitMs / 2;
}
