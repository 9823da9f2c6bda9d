import { createHash } from 'node:crypto';
import type { Awaitable } from '../awaitable';
import type { FeedCache, Queryable } from '../db';
import type { Grant, GrantStore } from './grants';

interface Parts {
  readonly db: Queryable;
  readonly grants: GrantStore;
  /** grantChangeId() → the grants; that there are none is kept too, as every new grant is announced. */
  readonly cache: FeedCache<readonly Grant[]>;
}

/** ARNs with long paths would not fit into an announcement. */
const maxGranteeLength = 256;

/** The name of a grantee's grants for a key, in the cache and in the change feed. */
export function grantChangeId({ keyId, grantee }: Pick<Grant, 'keyId' | 'grantee'>): string {
  if (grantee.length <= maxGranteeLength) return `${keyId} ${grantee}`;
  return `${keyId} sha256:${createHash('sha256').update(grantee).digest('hex')}`;
}

/** Finds who was granted what, from the worker's cache where it may be trusted: then at once. */
export class GrantFinder {
  constructor(private readonly parts: Parts) {}

  /** The grants of a key whose grantee is one of the principals: ARNs, or names of services. */
  of(keyId: string, grantees: readonly string[]): Awaitable<readonly Grant[]> {
    const known: Grant[] = [];
    for (const grantee of grantees) {
      const found = this.parts.cache.get(grantChangeId({ keyId, grantee }));
      if (found === undefined) return this.read(keyId, grantees);
      known.push(...found);
    }
    return known;
  }

  /**
   * As the database has them now: what a change is decided on, which holds the key's lock, and so without what a worker
   * may have missed.
   */
  async now(db: Queryable, keyId: string, grantees: readonly string[]): Promise<readonly Grant[]> {
    const found: Grant[] = [];
    for (const grantee of grantees) {
      found.push(...(await this.parts.grants.allOfGrantee(db, keyId, grantee)));
    }
    return found;
  }

  private async read(keyId: string, grantees: readonly string[]): Promise<readonly Grant[]> {
    const { cache, db, grants } = this.parts;
    const found = await Promise.all(
      grantees.map(async (grantee) => {
        const id = grantChangeId({ keyId, grantee });
        return cache.get(id) ?? cache.load(id, () => grants.allOfGrantee(db, keyId, grantee));
      }),
    );
    return found.flatMap((some) => some ?? []);
  }
}
