import type { Token } from '../../hsm';
import type { Config } from '../config';
import type { Database } from '../db';
import { KeyTokens } from '../keys/key-tokens';
import type { Log } from '../log';
import { Metrics } from '../metrics';
import { openUntoldConnections } from '../store-connections';
import { storeConnectors } from '../store-connectors';
import { withToken } from './open';

export interface KeyTokensParts {
  readonly config: Config;
  readonly database: Database;
  readonly log: Log;
}

/**
 * Runs with the open token, and with those of custom key stores, which are opened when they are asked for; closes them all
 * whatever happens.
 */
export async function withKeyTokens<T>(
  { config, database, log }: KeyTokensParts,
  work: (tokens: { readonly token: Token; readonly keyTokens: KeyTokens }) => Promise<T>,
): Promise<T> {
  return withToken(config, log, async (token) => {
    const connectors = storeConnectors({ config, log, metrics: new Metrics(), token });
    const storeConnections = openUntoldConnections({ config, database, token, connectors, log });
    try {
      return await work({ token, keyTokens: new KeyTokens({ token, storeConnections }) });
    } finally {
      await storeConnections.close();
    }
  });
}
