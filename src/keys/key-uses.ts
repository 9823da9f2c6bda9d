import { BatchedWrites, type Queryable } from '../db';
import type { KeyLastUsageTrackingOperation } from '../shapes/kms.generated';

/** A successful cryptographic operation with a key. */
export interface KeyUse {
  readonly operation: KeyLastUsageTrackingOperation;
  readonly at: Date;
  readonly requestId: string;
  /** Of its audit record. */
  readonly eventId: string;
}

export interface KeyUsage {
  /** Uses before it are not known. */
  readonly trackedFrom: Date;
  /** Undefined of a key that was not used since. */
  readonly lastUse: KeyUse | undefined;
}

interface UsageRow {
  readonly usage_tracked_from: Date;
  readonly operation: KeyLastUsageTrackingOperation | null;
  readonly used_at: Date | null;
  readonly request_id: string | null;
  readonly event_id: string | null;
}

interface Parts {
  readonly db: Queryable;
  readonly intervalMs: number;
  /** A batch could not be written; it is kept for the next one. */
  readonly onFailed: (error: unknown) => void;
}

/** Keys in one statement. */
const batchSize = 1000;

/** The last use of each key. What other workers noted is known when they have written it, after the interval. */
export class KeyUses {
  private readonly uses: BatchedWrites<KeyUse>;

  constructor(private readonly parts: Parts) {
    const { intervalMs, onFailed } = parts;
    const write = (uses: ReadonlyMap<string, KeyUse>) => writeUses(parts.db, uses);
    this.uses = new BatchedWrites({ intervalMs, batchSize, onFailed, write });
  }

  /** The operation has succeeded and is recorded. */
  note(keyId: string, use: KeyUse): void {
    this.uses.note(keyId, use);
  }

  /** Undefined of a key that does not exist. */
  async of(keyId: string): Promise<KeyUsage | undefined> {
    const [row] = await this.parts.db.query<UsageRow>({
      name: 'key-usage-find',
      text: `
        select k.usage_tracked_from, u.operation, u.used_at, u.request_id, u.event_id
        from kms_key k left join key_usage u on u.key_id = k.key_id
        where k.key_id = $1::text`,
      values: [keyId],
    });
    if (row === undefined) return undefined;
    const lastUse = later(useOf(row), this.uses.unwritten(keyId));
    return { trackedFrom: row.usage_tracked_from, lastUse };
  }

  /** Writes what was noted. Never rejects. */
  flush(): Promise<void> {
    return this.uses.flush();
  }

  /** Writes what was noted last. */
  close(): Promise<void> {
    return this.uses.close();
  }
}

/**
 * A key that a change holds is skipped and returned, so that a batch waits for no change and is in no deadlock with one.
 * Batches write in order of key. A later use that another worker wrote stands.
 */
async function writeUses(
  db: Queryable,
  uses: ReadonlyMap<string, KeyUse>,
): Promise<readonly string[]> {
  const all = [...uses.values()];
  const skipped = await db.query<{ key_id: string }>({
    name: 'key-usage-write',
    text: `
      with used as (
        select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
          as u(key_id, operation, used_at, request_id, event_id)
      ), free as (
        select key_id from kms_key where key_id = any($1::text[]) for key share skip locked
      ), written as (
        insert into key_usage as known (key_id, operation, used_at, request_id, event_id)
        select key_id, operation, used_at, request_id, event_id from used join free using (key_id)
        order by key_id collate "C"
        on conflict (key_id) do update set
          operation = excluded.operation, used_at = excluded.used_at, request_id = excluded.request_id,
          event_id = excluded.event_id
        where known.used_at < excluded.used_at
      )
      select key_id from kms_key
      where key_id = any($1::text[]) and key_id not in (select key_id from free)`,
    values: [
      [...uses.keys()],
      all.map(({ operation }) => operation),
      all.map(({ at }) => at),
      all.map(({ requestId }) => requestId),
      all.map(({ eventId }) => eventId),
    ],
  });
  return skipped.map((row) => row.key_id);
}

function useOf({ operation, used_at, request_id, event_id }: UsageRow): KeyUse | undefined {
  if (operation === null || used_at === null || request_id === null || event_id === null) {
    return undefined;
  }
  return { operation, at: used_at, requestId: request_id, eventId: event_id };
}

function later(one: KeyUse | undefined, other: KeyUse | undefined): KeyUse | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.at > one.at ? other : one;
}
