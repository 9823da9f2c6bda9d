import type { Queryable, Transaction } from '../db';

/** An object of a token by its CKA_ID. */
export interface TokenObject {
  readonly tokenKeyId: string;
  readonly tokenSerial: string;
}

export interface DoomedObject extends TokenObject {
  readonly kind: 'secret-key' | 'key-pair';
  /** By the clock of the database. */
  readonly dueInSeconds: number;
}

/**
 * For objects that are about to be made: longer than making one can take, so that whoever makes it finds the entry, and so
 * that one that comes to be after its maker gave up has come to be.
 */
export const untilForgottenSeconds = 3600;

/**
 * The object is destroyed at that time, unless it is spared, or named by then by a material, a system key or a wrapping key.
 * What makes an object calls this first, on `Database.apart`, so that the entry is there whatever becomes of the
 * transaction; and then `spare`, before the object is made. What ends the use of an object calls it in its transaction.
 * An entry that is there is given the new time.
 */
export async function doom(
  db: Queryable,
  { tokenKeyId, tokenSerial, kind, dueInSeconds }: DoomedObject,
): Promise<void> {
  await db.execute({
    name: 'object-doom',
    text: `
      insert into doomed_object (token_key_id, token_serial, kind, due_at)
      values ($1::text, $2::text, $3::text, clock_timestamp() + make_interval(secs => $4::float8))
      on conflict (token_key_id, token_serial) do update set kind = excluded.kind, due_at = excluded.due_at`,
    values: [tokenKeyId, tokenSerial, kind, dueInSeconds],
  });
}

/**
 * The transaction names the object: nothing destroys it when it commits, nor before it ends, as the entry is locked. Throws
 * when there is no entry: then nobody would remember the object of a transaction that does not commit.
 */
export async function spare(
  transaction: Transaction,
  { tokenKeyId, tokenSerial }: TokenObject,
): Promise<void> {
  const spared = await transaction.execute({
    name: 'object-spare',
    text: 'delete from doomed_object where token_key_id = $1::text and token_serial = $2::text',
    values: [tokenKeyId, tokenSerial],
  });
  if (spared === 0) throw new Error('an object of the token is spared that was not entered');
}
