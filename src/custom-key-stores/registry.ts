import type { Token } from '../../hsm';
import type { Awaitable } from '../awaitable';
import type { Change, ChangeFeed, Queryable } from '../db';
import type { CustomKeyStoreType } from '../shapes/kms.generated';
import type { XksClient } from '../xks-client/client';
import { atMost } from './at-most';
import type { Backoff } from './backoff';
import { ConnectionFault, type Connectors, type StoreConnections } from './connections';
import { notConnected, unreachable, unusable } from './errors';
import { type Connection, isOver, openConnection } from './opening';
import type { StoreSecrets } from './secrets';
import { type CustomKeyStore, connectsAlike } from './store';
import { findStore } from './stores';

export interface OpenConnectionsParts {
  readonly db: Queryable;
  readonly feed: Pick<ChangeFeed, 'trusted' | 'onChange' | 'onReset'>;
  readonly secrets: StoreSecrets;
  readonly connectors: Connectors;
  readonly backoff: Backoff;
  /** How long a change of a store waits for the calls in flight on its connection. They go on when it is over. */
  readonly drainMs: number;
  /** How long a caller waits for a connection to be opened. */
  readonly waitMs: number;
  /** Connections at a time; the one that was opened first goes first. */
  readonly capacity: number;
  /** A connection could not be opened, or not be closed in order. */
  readonly onFailed: (storeId: string, error: unknown) => void;
}

interface Finding {
  readonly generation: number;
  readonly connection: Promise<Connection>;
}

/** The connections of a worker, kept true by the change feed: see StoreConnections. */
export class OpenConnections implements StoreConnections {
  private readonly open = new Map<string, Connection>();
  private readonly finding = new Map<string, Finding>();
  private readonly closing = new Set<Promise<void>>();
  /** Stores that have changed, and whose rows are being read, with the generation of the last change. */
  private readonly doubtful = new Map<string, number>();
  /** Grows with every change of a store: what was read of one before may be wrong. */
  private generation = 0;
  private closed = false;

  /** Before the feed listens: it adds its handlers. */
  constructor(private readonly parts: OpenConnectionsParts) {
    parts.feed.onChange((change) => this.change(change));
    parts.feed.onReset(() => this.reset());
  }

  token(id: string): Awaitable<Token> {
    const known = this.known(id);
    return known === undefined ? this.find(id, 'AWS_CLOUDHSM').then(tokenOf) : tokenOf(known);
  }

  client(id: string): Awaitable<XksClient> {
    const known = this.known(id);
    return known === undefined
      ? this.find(id, 'EXTERNAL_KEY_STORE').then(clientOf)
      : clientOf(known);
  }

  openTokens(): readonly Token[] {
    return [...this.open.values()].flatMap(({ type, to }) => (type === 'AWS_CLOUDHSM' ? [to] : []));
  }

  /**
   * Takes a connection that was opened elsewhere, of a store that is about to become CONNECTED and whose row the caller has
   * locked. When that is not committed, `drop` follows.
   */
  keep(connection: Connection): void {
    if (this.closed) void this.end(connection);
    else this.add(connection);
  }

  /**
   * Nobody is given it any more. Resolves when the calls in flight are done, or have taken long enough; false when it is not
   * here.
   */
  async drop(connection: Connection): Promise<boolean> {
    const { id } = connection.store;
    if (this.open.get(id) !== connection) return false;
    this.open.delete(id);
    await atMost(this.parts.drainMs, this.end(connection));
    return true;
  }

  async close(): Promise<void> {
    this.closed = true;
    const found = [...this.finding.values()].map(({ connection }) => connection);
    await atMost(this.parts.drainMs, Promise.allSettled(found));
    for (const connection of this.open.values()) void this.drop(connection);
    await atMost(this.parts.drainMs, Promise.all(this.closing));
  }

  /** What is in the map is of a CONNECTED store as long as the feed says what changes. */
  private known(id: string): Connection | undefined {
    const isTrusted = this.parts.feed.trusted && !this.doubtful.has(id);
    const connection = isTrusted ? this.open.get(id) : undefined;
    if (connection === undefined || !isOver(connection)) return connection;
    void this.drop(connection);
    return undefined;
  }

  /** What takes longer goes on, for those who come later. */
  private async find(id: string, type: CustomKeyStoreType): Promise<Connection> {
    const connection = this.join(id);
    if (await atMost(this.parts.waitMs, connection)) return connection;
    throw unreachable(type, new Error('the connection was not open in time'));
  }

  /** Callers that come together share the look, but for those who may know of a change since it began. */
  private join(id: string): Promise<Connection> {
    const running = this.finding.get(id);
    if (running?.generation === this.generation) return running.connection;
    const finding = { generation: this.generation, connection: this.lookUp(id) };
    this.finding.set(id, finding);
    const done = (): void => {
      if (this.finding.get(id) === finding) this.finding.delete(id);
    };
    finding.connection.then(done, done);
    return finding.connection;
  }

  /** As the row says now. What changes while a connection is opened is looked at before anybody is given it. */
  private async lookUp(id: string): Promise<Connection> {
    let fresh: Connection | undefined;
    try {
      for (;;) {
        const { generation } = this;
        const store = await this.connectedStore(id);
        const there = this.open.get(id);
        if (there !== undefined && isOf(there, store)) return there;
        if (fresh === undefined || !isOf(fresh, store)) {
          if (fresh !== undefined) void this.end(fresh);
          fresh = undefined;
          fresh = await this.connect(store);
        }
        if (generation !== this.generation) continue;
        this.add(fresh);
        const added = fresh;
        fresh = undefined;
        return added;
      }
    } finally {
      if (fresh !== undefined) void this.end(fresh);
    }
  }

  private async connectedStore(id: string): Promise<CustomKeyStore> {
    const store = await findStore(this.parts.db, id);
    if (store?.connectionState !== 'CONNECTED' || this.closed) throw notConnected(store);
    return store;
  }

  private async connect(store: CustomKeyStore): Promise<Connection> {
    const { backoff, onFailed } = this.parts;
    const failure = backoff.waiting(store);
    if (failure !== undefined) throw unusable(store, failure);
    try {
      const connection = await openConnection(store, this.parts);
      backoff.forget(store.id);
      return connection;
    } catch (error) {
      onFailed(store.id, error);
      if (!(error instanceof ConnectionFault)) throw error;
      backoff.failed(store, error);
      throw unusable(store, error);
    }
  }

  private add(connection: Connection): void {
    const before = this.open.get(connection.store.id);
    if (before !== undefined) void this.drop(before);
    this.open.set(connection.store.id, connection);
    for (const first of this.open.values()) {
      if (this.open.size <= this.parts.capacity) break;
      void this.drop(first);
    }
  }

  /** Never rejects. */
  private async end({ store, to }: Connection): Promise<void> {
    const ended = to.close().catch((error: unknown) => this.parts.onFailed(store.id, error));
    this.closing.add(ended);
    await ended;
    this.closing.delete(ended);
  }

  private async change({ topic, id }: Change): Promise<void> {
    if (topic !== 'custom-key-store') return;
    this.parts.backoff.forget(id);
    const generation = (this.generation += 1);
    this.doubtful.set(id, generation);
    try {
      await this.review(id);
    } finally {
      if (this.doubtful.get(id) === generation) this.doubtful.delete(id);
    }
  }

  private async reset(): Promise<void> {
    this.generation += 1;
    this.parts.backoff.forgetAll();
    await Promise.all([...this.open.keys()].map((id) => this.review(id)));
  }

  /** Closes what is not as the row says, or cannot be compared with it. */
  private async review(id: string): Promise<void> {
    const connection = this.open.get(id);
    if (connection === undefined) return;
    const store = await findStore(this.parts.db, id);
    if (this.open.get(id) !== connection) return;
    if (store?.connectionState !== 'CONNECTED' || !isOf(connection, store)) {
      await this.drop(connection);
    }
  }
}

function isOf(connection: Connection, store: CustomKeyStore): boolean {
  return connectsAlike(connection.store, store) && !isOver(connection);
}

function tokenOf({ type, to, store }: Connection): Token {
  if (type === 'AWS_CLOUDHSM') return to;
  throw new Error(`the custom key store ${store.id} is no token`);
}

function clientOf({ type, to, store }: Connection): XksClient {
  if (type === 'EXTERNAL_KEY_STORE') return to;
  throw new Error(`the custom key store ${store.id} is no external key store`);
}
