import type { Token } from '../../hsm';
import type { Queryable } from '../db';
import { Sealing, type SealingPurpose } from './sealing';

/** Strangers can name sealing keys that do not exist; the database is asked for new ones this often at the most. */
const rereadAfterMs = 1000;

/** The sealing keys of one purpose, as far as a worker knows them. Keys are added and never taken away. */
export class SealingKeys {
  private known: readonly string[] = [];
  private readAt = -Infinity;
  private reading: Promise<void> | undefined;

  constructor(
    private readonly db: Queryable,
    private readonly sealing: Sealing,
  ) {}

  /** Is it a key of this purpose? Whoever sent something sealed may name these alone, never another key of the token. */
  async has(id: string): Promise<boolean> {
    if (this.known.includes(id)) return true;
    if (performance.now() - this.readAt < rereadAfterMs) return false;
    await this.read();
    return this.known.includes(id);
  }

  /** The newest, which seals. */
  async current(): Promise<string> {
    if (this.known.length === 0) await this.read();
    const [current] = this.known;
    if (current === undefined) {
      throw new Error(`there is no key for ${this.sealing.purpose}: \`claviger init\` makes it`);
    }
    return current;
  }

  private read(): Promise<void> {
    this.reading ??= this.sealing
      .keys(this.db)
      .then((keys) => {
        this.known = keys;
        this.readAt = performance.now();
      })
      .finally(() => (this.reading = undefined));
    return this.reading;
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
