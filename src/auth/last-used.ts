import { BatchedWrites, type Queryable } from '../db';
import type { Principal } from '../policy/principal';

/** Where credentials were used. */
export interface Place {
  /** As SigV4 scopes name it. */
  readonly service: string;
  readonly region: string;
}

interface Use {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly place: Place;
}

interface Parts {
  readonly db: Queryable;
  readonly intervalMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A batch could not be written; it is kept for the next one. */
  readonly onFailed: (error: unknown) => void;
}

/** Keys, tokens or roles in one statement. */
const batchSize = 1000;

/** When access keys, API tokens and roles were last used. What IAM tells of it may be old by the interval. */
export class LastUsed {
  private readonly keys: BatchedWrites<Use>;
  private readonly apiTokens: BatchedWrites<Use>;
  private readonly roles: BatchedWrites<Use>;

  constructor(private readonly parts: Parts) {
    this.keys = this.into('access_key');
    this.apiTokens = this.into('api_token');
    this.roles = this.into('principal');
  }

  /** The principal has proved who it is. A session of a role is a use of the role; other sessions are none of a key. */
  note({ session, accessKeyId, apiToken }: Principal, place: Place): void {
    const use = { at: this.parts.now(), place };
    if (session?.role !== undefined) this.roles.note(session.role.roleId, use);
    if (apiToken !== undefined) this.apiTokens.note(apiToken.tokenId, use);
    if (session === undefined && accessKeyId !== undefined) this.keys.note(accessKeyId, use);
  }

  /** Writes what was noted. Never rejects. */
  async flush(): Promise<void> {
    await this.keys.flush();
    await this.apiTokens.flush();
    await this.roles.flush();
  }

  /** Writes what was noted last. */
  async close(): Promise<void> {
    await this.keys.close();
    await this.apiTokens.close();
    await this.roles.close();
  }

  private into(table: UsedTable): BatchedWrites<Use> {
    const { db, intervalMs, onFailed } = this.parts;
    const text = statementOn(table);
    return new BatchedWrites({
      ...{ intervalMs, batchSize, onFailed },
      write: async (uses) => {
        const all = [...uses.values()];
        const skipped = await db.query<{ id: string }>({
          name: `last-used-${table}`,
          text,
          values: [
            [...uses.keys()],
            all.map(({ at }) => new Date(at)),
            all.map(({ place }) => place.service),
            all.map(({ place }) => place.region),
          ],
        });
        return skipped.map(({ id }) => id);
      },
    });
  }
}

/** What has a last use: by which id, and what is said of it. Service and region of an API token are Claviger's own. */
const used = {
  access_key: {
    id: 'access_key_id',
    set: 'last_used_at = u.at, last_used_service = u.service, last_used_region = u.region',
  },
  api_token: { id: 'token_id', set: 'last_used_at = u.at' },
  principal: { id: 'principal_id', set: 'last_used_at = u.at, last_used_region = u.region' },
} as const;

type UsedTable = keyof typeof used;

/**
 * Rows that somebody else holds are skipped and returned, so that a batch waits for nobody and is in no deadlock. A later
 * use that another worker wrote stands.
 */
function statementOn(table: UsedTable): string {
  const { id, set } = used[table];
  return `
    with used as (
      select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) as u(id, at, service, region)
    ), locked as (
      select ${id} as id from ${table}
      where ${id} = any($1::text[]) for no key update skip locked
    ), written as (
      update ${table} t set ${set}
      from used u join locked l using (id)
      where t.${id} = u.id and (t.last_used_at is null or t.last_used_at < u.at)
    )
    select ${id} as id from ${table}
    where ${id} = any($1::text[]) and ${id} not in (select id from locked)`;
}
