import { KmsError } from '../errors';
import type { StoreConnections } from './connections';

/** Of a process that connects no custom key store. */
export const noStoreConnections: StoreConnections = {
  token: notConnected,
  client: notConnected,
  openTokens: () => [],
  tokensReady: () => new Map(),
  close: () => Promise.resolve(),
};

function notConnected(customKeyStoreId: string): never {
  throw new KmsError(
    'KMSInvalidStateException',
    `The custom key store ${customKeyStoreId} is not connected.`,
  );
}
