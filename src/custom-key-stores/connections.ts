import type { Token } from '../../hsm';
import type { Awaitable } from '../awaitable';
import type { ConnectionErrorCodeType } from '../shapes/kms.generated';
import type { XksClient } from '../xks-client/client';
import type { CloudHsmStore, ExternalStore } from './store';

/** Why a store cannot be connected (kms-semantics §12.2). The message is for an operator. */
export class ConnectionFault extends Error {
  override readonly name = 'ConnectionFault';

  constructor(
    readonly code: ConnectionErrorCodeType,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** How a store of each type is connected; its secret is asked for whenever it is needed, and not kept. */
export interface Connectors {
  /** Logs in to the token that the cluster id stands for. Rejects with ConnectionFault. */
  readonly cloudHsm: (store: CloudHsmStore, password: () => Promise<Buffer>) => Promise<Token>;
  /** Asks the proxy for its health. Rejects with ConnectionFault. */
  readonly external: (store: ExternalStore, secret: () => Promise<Buffer>) => Promise<XksClient>;
}

/** The connections of this worker: one a store that is CONNECTED, opened when it is first asked for, closed when it is not. */
export interface StoreConnections {
  /**
   * Of a store of type AWS_CLOUDHSM; at once where it is open. Throws KMSInvalidStateException with the text of
   * kms-semantics §12.3 when it is not connected, or cannot be reached.
   */
  token(customKeyStoreId: string): Awaitable<Token>;
  /** The same of a store of type EXTERNAL_KEY_STORE. */
  client(customKeyStoreId: string): Awaitable<XksClient>;
  /** Tokens that are open, by serial: whose objects the jobs of this worker can destroy. */
  openTokens(): readonly Token[];
  close(): Promise<void>;
}
