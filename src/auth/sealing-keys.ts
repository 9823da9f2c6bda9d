import type { Token } from '../../hsm';
import type { Queryable } from '../db';
import { Sealing, type SealingPurpose } from './sealing';

/** Strangers can name sealing keys that do not exist; the database is asked for new ones this often at the most. */
const rereadAfterMs = 1000;

/**
 * The sealing keys of one purpose, as far as a worker knows them. Keys are added and never taken away. Whoever holds locks
 * reads them in its transaction: those that wait for the locks may have every other connection.
 */
export class SealingKeys {
  private known: readonly string[] = [];
  private readAt = -Infinity;
  private reading: Promise<void> | undefined;

  constructor(
    private readonly db: Queryable,
    private readonly sealing: Sealing,
  ) {}

  /** Is it a key of this purpose? Whoever sent something sealed may name these alone, never another key of the token. */
  async has(id: string, transaction?: Queryable): Promise<boolean> {
    if (this.known.includes(id)) return true;
    if (performance.now() - this.readAt < rereadAfterMs) return false;
    await this.read(transaction);
    return this.known.includes(id);
  }

  /** The newest, which seals. */
  async current(transaction?: Queryable): Promise<string> {
    if (this.known.length === 0) await this.read(transaction);
    const [current] = this.known;
    if (current === undefined) {
      throw new Error(`there is no key for ${this.sealing.purpose}: \`claviger init\` makes it`);
    }
    return current;
  }

  /** A transaction waits for no read but its own. */
  private read(transaction: Queryable | undefined): Promise<void> {
    if (transaction !== undefined) return this.readIn(transaction);
    this.reading ??= this.readIn(this.db).finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async readIn(db: Queryable): Promise<void> {
    this.known = await this.sealing.keys(db);
    this.readAt = performance.now();
  }
}

/** What seals and opens for one purpose, and the keys that it does so with. */
export function sealingOf(
  purpose: SealingPurpose,
  { database, token }: { readonly database: Queryable; readonly token: Token },
): { readonly sealing: Sealing; readonly sealingKeys: SealingKeys } {
  const sealing = new Sealing(token, purpose, database);
  return { sealing, sealingKeys: new SealingKeys(database, sealing) };
}
