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
    /** The cause is an XksFault where a proxy has failed. */
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** An operation of KMS for which a proxy is asked for its health (xks-proxy §1.3). */
export type ProbingOperation =
  'CreateCustomKeyStore' | 'UpdateCustomKeyStore' | 'ConnectCustomKeyStore';

/**
 * How a store of each type is connected; its secret is asked for whenever it is needed, wiped after it, and not kept. What
 * they give ends the calls in flight when it is closed, and takes no others.
 */
export interface Connectors {
  /**
   * Whether the account has such a cluster here, and the certificate is the one of its trust anchor. Throws
   * CloudHsmClusterNotFoundException, IncorrectTrustAnchorException and what else CreateCustomKeyStore says of clusters.
   */
  readonly requireCluster: (store: CloudHsmStore, accountId: string) => Awaitable<void>;
  /** Logs in to the token that the cluster id stands for. Rejects with ConnectionFault. */
  readonly cloudHsm: (store: CloudHsmStore, password: () => Promise<Buffer>) => Promise<Token>;
  /** Asks the proxy for its health. Rejects with ConnectionFault. */
  readonly external: (
    store: ExternalStore,
    secret: () => Promise<Buffer>,
    operation: ProbingOperation,
  ) => Promise<XksClient>;
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
  /**
   * By store of type AWS_CLOUDHSM that this worker has used since it was connected, whether its token answers. One that could
   * not be opened does not.
   */
  tokensReady(): ReadonlyMap<string, boolean>;
  close(): Promise<void>;
}
