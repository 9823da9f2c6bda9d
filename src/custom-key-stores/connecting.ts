import { HsmError } from '../../hsm';
import {
  type Announcement,
  type ChangeFeed,
  type Database,
  DatabaseError,
  type Transaction,
} from '../db';
import type { ConnectionErrorCodeType } from '../shapes/kms.generated';
import { atMost } from './at-most';
import { ConnectionFault, type Connectors } from './connections';
import { type Connection, openConnection } from './opening';
import type { OpenConnections } from './registry';
import type { StoreSecrets } from './secrets';
import { type CustomKeyStore, connectsAlike } from './store';
import { findStore, lockStore, setConnection } from './stores';

export interface StoreConnectingParts {
  readonly database: Database;
  readonly changes: Pick<ChangeFeed, 'acknowledged'>;
  readonly secrets: StoreSecrets;
  readonly connectors: Connectors;
  readonly connections: Pick<OpenConnections, 'keep' | 'drop'>;
  /** What has not answered by then will not: the store is FAILED. */
  readonly longestMs: number;
  /** How long the end waits for what was begun; another worker does it again. */
  readonly closeMs: number;
  /** A store could not be connected, or a connection was of no use any more. */
  readonly onFailed: (storeId: string, error: unknown) => void;
}

/** What became of an attempt. */
type Attempt =
  | { readonly connection: Connection }
  | { readonly connection: undefined; readonly code: ConnectionErrorCodeType };

/**
 * Connects stores that are CONNECTING: opens a connection and makes the store CONNECTED, or FAILED with the reason. Whoever
 * was killed in between leaves the store CONNECTING, and another does it again: nothing is left of the first attempt. Two may
 * be at it: the first to lock the row decides.
 */
export class StoreConnecting {
  private readonly running = new Map<string, Promise<boolean>>();

  constructor(private readonly parts: StoreConnectingParts) {}

  /** Begins, and waits for nothing: ConnectCustomKeyStore is answered before. Timed work tries again what fails. */
  begin(storeId: string): void {
    this.run(storeId).catch((error: unknown) => this.parts.onFailed(storeId, error));
  }

  /** False when it is not CONNECTING. Rejects when nobody could say what became of it. */
  run(storeId: string): Promise<boolean> {
    const running = this.running.get(storeId);
    if (running !== undefined) return running;
    const run = this.connect(storeId).finally(() => this.running.delete(storeId));
    this.running.set(storeId, run);
    return run;
  }

  async close(): Promise<void> {
    await atMost(this.parts.closeMs, Promise.allSettled(this.running.values()));
  }

  private async connect(storeId: string): Promise<boolean> {
    const store = await findStore(this.parts.database, storeId);
    if (store?.connectionState !== 'CONNECTING') return false;
    const attempt = await this.attempt(store);
    const announcements = await this.decide(store, attempt);
    await this.parts.changes.acknowledged(announcements);
    return true;
  }

  private async attempt(store: CustomKeyStore): Promise<Attempt> {
    try {
      return { connection: await this.inTime(store) };
    } catch (error) {
      this.parts.onFailed(store.id, error);
      if (error instanceof ConnectionFault) return { connection: undefined, code: error.code };
      // Our own token or database is away: that says nothing of the store.
      if (error instanceof HsmError || error instanceof DatabaseError) throw error;
      return { connection: undefined, code: 'INTERNAL_ERROR' };
    }
  }

  /** A connection that comes too late is closed again. */
  private async inTime(store: CustomKeyStore): Promise<Connection> {
    const opening = openConnection(store, this.parts);
    let timer: NodeJS.Timeout | undefined;
    let late = false;
    const over = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        late = true;
        reject(new ConnectionFault(tooLate[store.of.type], 'there was no answer in time'));
      }, this.parts.longestMs);
    });
    opening.then(
      ({ to }) => (late ? to.close().catch(this.reporter(store.id)) : undefined),
      () => undefined,
    );
    try {
      return await Promise.race([opening, over]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The row may have changed since the attempt began: then nothing of it counts. */
  private async decide(store: CustomKeyStore, attempt: Attempt): Promise<readonly Announcement[]> {
    let transaction: Transaction | undefined;
    let done = false;
    try {
      transaction = await this.parts.database.begin();
      const now = await lockStore(transaction, store.id);
      if (now?.connectionState !== 'CONNECTING' || !connectsAlike(now, store)) return [];
      await this.record(transaction, store, attempt);
      transaction.announce({ topic: 'custom-key-store', id: store.id });
      await transaction.commit();
      done = true;
      return transaction.announcements;
    } finally {
      await transaction?.rollback();
      if (!done && attempt.connection !== undefined) await this.letGo(attempt.connection);
    }
  }

  private async record(
    transaction: Transaction,
    { id }: CustomKeyStore,
    attempt: Attempt,
  ): Promise<void> {
    if (attempt.connection === undefined) {
      return setConnection(transaction, id, { state: 'FAILED', errorCode: attempt.code });
    }
    await setConnection(transaction, id, { state: 'CONNECTED' });
    // Under the lock: whatever disconnects the store comes after it, and finds the connection.
    this.parts.connections.keep(attempt.connection);
  }

  private async letGo(connection: Connection): Promise<void> {
    if (await this.parts.connections.drop(connection)) return;
    await connection.to.close().catch(this.reporter(connection.store.id));
  }

  private reporter(storeId: string): (error: unknown) => void {
    return (error) => this.parts.onFailed(storeId, error);
  }
}

const tooLate = {
  AWS_CLOUDHSM: 'NETWORK_ERRORS',
  EXTERNAL_KEY_STORE: 'XKS_PROXY_TIMED_OUT',
} as const satisfies Record<CustomKeyStore['of']['type'], ConnectionErrorCodeType>;
