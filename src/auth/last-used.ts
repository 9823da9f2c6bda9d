import type { Queryable } from '../db';
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

type Uses = Map<string, Use>;

interface Parts {
  readonly db: Queryable;
  readonly intervalMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A batch could not be written; it is kept for the next one. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * When access keys and roles were last used. Noting is an entry in a map, as every request does it; what was noted is
 * written in batches, so what IAM tells of it may be old by the interval.
 */
export class LastUsed {
  private keys: Uses = new Map();
  private roles: Uses = new Map();
  private readonly timer: NodeJS.Timeout;
  private flushing: Promise<void> | undefined;

  constructor(private readonly parts: Parts) {
    this.timer = setInterval(() => void this.flush(), parts.intervalMs);
    this.timer.unref();
  }

  /** The principal has proved who it is. A session of a role is a use of the role; other sessions are none of a key. */
  note({ session, accessKeyId }: Principal, place: Place): void {
    const use = { at: this.parts.now(), place };
    if (session?.role !== undefined) this.roles.set(session.role.roleId, use);
    if (session === undefined && accessKeyId !== undefined) this.keys.set(accessKeyId, use);
  }

  /** Writes what was noted. Never rejects. */
  async flush(): Promise<void> {
    this.flushing ??= this.write().finally(() => (this.flushing = undefined));
    await this.flushing;
  }

  /** Writes what was noted last. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flushing;
    await this.flush();
  }

  private async write(): Promise<void> {
    const { keys, roles } = this;
    this.keys = new Map();
    this.roles = new Map();
    restore(this.keys, await this.writeInto('access_key', keys));
    restore(this.roles, await this.writeInto('principal', roles));
  }

  /** What could not be written now. */
  private async writeInto(table: keyof typeof statements, uses: Uses): Promise<Uses> {
    if (uses.size === 0) return uses;
    const ids = [...uses.keys()];
    const all = [...uses.values()];
    try {
      const skipped = await this.parts.db.query<{ id: string }>({
        name: `last-used-${table}`,
        text: statements[table],
        values: [
          ids,
          all.map(({ at }) => new Date(at)),
          all.map(({ place }) => place.service),
          all.map(({ place }) => place.region),
        ],
      });
      const left = new Set(skipped.map(({ id }) => id));
      return new Map([...uses].filter(([id]) => left.has(id)));
    } catch (error) {
      this.parts.onFailed(error);
      return uses;
    }
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

/** What was noted meanwhile is newer. */
function restore(uses: Uses, left: Uses): void {
  for (const [id, use] of left) if (!uses.has(id)) uses.set(id, use);
}
