import type { Queryable, Statement } from './queryable';

/** By worker: the moment, in performance.now(), until which it may trust its caches without having heard of a change. */
export type LeaseEnds = Map<string, number>;

interface Parts {
  readonly database: Queryable;
  readonly workerId: string;
  readonly milliseconds: number;
}

/** Rows of workers that died are swept away after this. */
const keptAfterEnd = '1 hour';

/**
 * The leases on which workers trust their caches. A worker renews its own on the connection that listens, so that a
 * renewal says: all that was committed before has been delivered here.
 */
export class Leases {
  constructor(private readonly parts: Parts) {}

  /** Ends this long after the database has the statement, which is later than by the clock of who sent it. */
  renewal(): Statement {
    const { workerId, milliseconds } = this.parts;
    return {
      name: 'lease-renew',
      text: `
        insert into worker_lease (worker_id, ends_at) values ($1::text, now() + $2::integer * interval '1 ms')
        on conflict (worker_id) do update set ends_at = excluded.ends_at`,
      values: [workerId, milliseconds],
    };
  }

  /** Those that have not ended. */
  async current(): Promise<LeaseEnds> {
    const rows = await this.parts.database.query<{ worker_id: string; left_ms: number }>({
      name: 'lease-list',
      text: `
        select worker_id, (extract(epoch from ends_at - now()) * 1000)::float8 as left_ms
        from worker_lease where ends_at > now()`,
    });
    const now = performance.now();
    return new Map(rows.map((row) => [row.worker_id, now + row.left_ms]));
  }

  /** The worker trusts nothing any more, and need not be waited for. */
  async end(): Promise<void> {
    await this.parts.database.execute({
      name: 'lease-end',
      text: `
        delete from worker_lease where worker_id = $1::text or ends_at < now() - $2::interval`,
      values: [this.parts.workerId, keptAfterEnd],
    });
  }
}

/** How many workers of all daemons have a lease. A command that waits for workers has one too, while it runs. */
export async function countWorkers(db: Queryable): Promise<number> {
  const rows = await db.query<{ workers: number }>({
    name: 'lease-count',
    text: 'select count(*)::int4 as workers from worker_lease where ends_at > now()',
  });
  return rows[0]?.workers ?? 0;
}
