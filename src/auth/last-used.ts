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

  private into(table: keyof typeof statements): BatchedWrites<Use> {
    const { db, intervalMs, onFailed } = this.parts;
    return new BatchedWrites({
      ...{ intervalMs, batchSize, onFailed },
      write: async (uses) => {
        const all = [...uses.values()];
        const skipped = await db.query<{ id: string }>({
          name: `last-used-${table}`,
          text: statements[table],
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

/**
 * Rows that somebody else holds are skipped and returned, so that a batch waits for nobody and is in no deadlock. A later
 * use that another worker wrote stands.
 */
const statements = {
  access_key: `
    with used as (
      select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) as u(id, at, service, region)
    ), locked as (
      select access_key_id as id from access_key
      where access_key_id = any($1::text[]) for no key update skip locked
    ), written as (
      update access_key k set last_used_at = u.at, last_used_service = u.service, last_used_region = u.region
      from used u join locked l using (id)
      where k.access_key_id = u.id and (k.last_used_at is null or k.last_used_at < u.at)
    )
    select access_key_id as id from access_key
    where access_key_id = any($1::text[]) and access_key_id not in (select id from locked)`,
  // Its service and region are Claviger's own.
  api_token: `
    with used as (
      select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) as u(id, at, service, region)
    ), locked as (
      select token_id as id from api_token
      where token_id = any($1::text[]) for no key update skip locked
    ), written as (
      update api_token t set last_used_at = u.at
      from used u join locked l using (id)
      where t.token_id = u.id and (t.last_used_at is null or t.last_used_at < u.at)
    )
    select token_id as id from api_token
    where token_id = any($1::text[]) and token_id not in (select id from locked)`,
  principal: `
    with used as (
      select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) as u(id, at, service, region)
    ), locked as (
      select principal_id as id from principal
      where principal_id = any($1::text[]) for no key update skip locked
    ), written as (
      update principal p set last_used_at = u.at, last_used_region = u.region
      from used u join locked l using (id)
      where p.principal_id = u.id and (p.last_used_at is null or p.last_used_at < u.at)
    )
    select principal_id as id from principal
    where principal_id = any($1::text[]) and principal_id not in (select id from locked)`,
} as const;
