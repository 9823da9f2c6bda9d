import type { Queryable } from '../db';

/** The first half of an advisory lock's name; the second is the token's. */
const tokenLock = 0x6b657973;

/**
 * One change of the objects of a token at a time, until the transaction ends. Two processes that make SoftHSM keys together
 * can miss each other's for good: each counts the other's change of the token's generation number as seen with its own
 * (SoftHSM 2.6.1, Generation::commit).
 */
export async function lockToken(db: Queryable, tokenSerial: string): Promise<void> {
  await db.query({
    name: 'token-lock',
    text: 'select pg_advisory_xact_lock($1::int, hashtext($2::text))',
    values: [tokenLock, tokenSerial],
  });
}
