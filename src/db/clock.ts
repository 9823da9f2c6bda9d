import type { Queryable } from './queryable';

/** The time of the database: daemons whose own clocks differ agree on it. */
export async function readClock(db: Queryable): Promise<Date> {
  const [row] = await db.query<{ at: Date }>({
    name: 'clock',
    text: 'select clock_timestamp() as at',
  });
  if (row === undefined) throw new Error('the database gave no time');
  return row.at;
}
