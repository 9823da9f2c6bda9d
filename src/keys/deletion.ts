import type { Queryable } from '../db';

/**
 * The key is pending deletion from now on, for so many days of 24 hours, by the clock of the database: daemons whose own
 * clocks differ agree on the date.
 */
export async function scheduleDeletion(db: Queryable, keyId: string, days: number): Promise<Date> {
  const [row] = await db.query<{ deletion_date: Date }>({
    name: 'key-schedule-deletion',
    text: `
      update kms_key
      set state = 'PendingDeletion', deletion_date = clock_timestamp() + make_interval(hours => 24 * $2::int)
      where key_id = $1::text
      returning deletion_date`,
    values: [keyId, days],
  });
  if (row === undefined) throw new Error('a key that was locked is not there');
  return row.deletion_date;
}

/** Disabled, whatever it was before (kms-semantics §10). */
export async function cancelDeletion(db: Queryable, keyId: string): Promise<void> {
  await db.execute({
    name: 'key-cancel-deletion',
    text: `update kms_key set state = 'Disabled', deletion_date = null where key_id = $1::text`,
    values: [keyId],
  });
}
