import type { Queryable } from '../db';
import { type Limits, requireRoom } from './limits';

interface Room {
  readonly accountId: string;
  readonly limits: Limits;
}

/** LimitExceededException when the account has all the keys it may have, by what is committed. Holds nobody up. */
export async function requireKeyRoom(db: Queryable, { accountId, limits }: Room): Promise<void> {
  const [row] = await db.query<{ key_count: number }>({
    name: 'account-key-count',
    text: 'select key_count from account where account_id = $1::text',
    values: [accountId],
  });
  requireRoom(limits, 'keysPerAccount', row?.key_count ?? 0);
}

/**
 * Counts a customer managed key that the transaction has made. Throws LimitExceededException where it is one too many:
 * others may have been counted meanwhile. Whoever makes keys in the account waits until the transaction ends.
 */
export async function countNewKey(db: Queryable, { accountId, limits }: Room): Promise<void> {
  const [row] = await db.query<{ key_count: number }>({
    name: 'account-count-key',
    text: `
      update account set key_count = key_count + 1 where account_id = $1::text returning key_count`,
    values: [accountId],
  });
  if (row === undefined) throw new Error('a key was made in an account that is not there');
  requireRoom(limits, 'keysPerAccount', row.key_count - 1);
}
