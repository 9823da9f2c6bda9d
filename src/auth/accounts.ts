import type { Token } from '../../hsm';
import { type Database, type Queryable, inTransaction } from '../db';
import { type Place, accountRootArn } from '../keys/identifiers';
import { insertAccessKey } from './access-keys';
import { Sealing, sealingPurposes } from './sealing';
import { Secret } from './secret';

/** An access key as it is shown, once. */
export interface IssuedAccessKey {
  readonly AccountId: string;
  readonly Arn: string;
  readonly AccessKeyId: string;
  readonly SecretAccessKey: Secret;
}

interface Parts {
  readonly database: Database;
  readonly token: Token;
  readonly place: Place;
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Two `claviger init` at once must not make two sealing keys: this number is their advisory lock. */
const initLock = 0x636c6176;

/**
 * Makes what is missing of: the sealing keys in the token, the account, its root, an access key of the root.
 * Returns the access key when it made one (`another`: makes one in any case), else undefined.
 */
export async function initialiseAccount(
  parts: Parts,
  accountId: string,
  { another }: { another: boolean },
): Promise<IssuedAccessKey | undefined> {
  return inTransaction(parts.database, async (transaction) => {
    await transaction.query({ text: 'select pg_advisory_xact_lock($1::int)', values: [initLock] });
    for (const purpose of sealingPurposes) {
      const keys = new Sealing(parts.token, purpose);
      if ((await keys.currentKey(transaction)) === undefined) await keys.createKey(transaction);
    }
    const sealing = new Sealing(parts.token);
    const sealingKeyId = await sealing.currentKey(transaction);
    if (sealingKeyId === undefined) throw new Error('there is no sealing key');
    const arn = accountRootArn(parts.place, accountId);
    await insertAccount(transaction, accountId, arn);
    if (!another && (await isInitialised(transaction, accountId))) return undefined;
    const issued = { AccountId: accountId, Arn: arn, ...newCredentials(parts.token) };
    await insertAccessKey(transaction, sealing, {
      sealingKeyId,
      key: {
        accountId,
        principalId: accountId,
        accessKeyId: issued.AccessKeyId,
        secret: issued.SecretAccessKey,
      },
    });
    return issued;
  });
}

async function insertAccount(db: Queryable, accountId: string, rootArn: string): Promise<void> {
  await db.execute({
    text: 'insert into account (account_id) values ($1::text) on conflict do nothing',
    values: [accountId],
  });
  await db.execute({
    text: `
      insert into principal (principal_id, account_id, arn, kind)
      values ($1::text, $1::text, $2::text, 'root') on conflict do nothing`,
    values: [accountId, rootArn],
  });
}

/** Whether there is nothing left to make: an active access key exists, and a sealing key of every purpose. */
export async function isInitialised(db: Queryable, accountId: string): Promise<boolean> {
  const rows = await db.query({
    text: `
      select access_key_id from access_key
      where account_id = $1::text and status = 'Active'
        and $2::text[] <@ (select array_agg(purpose) from system_key) limit 1`,
    values: [accountId, sealingPurposes],
  });
  return rows.length > 0;
}

/** AKIA and 16 base32 characters; 30 random bytes of the token as 40 base64 characters. */
export function newCredentials(
  token: Token,
): Pick<IssuedAccessKey, 'AccessKeyId' | 'SecretAccessKey'> {
  const id = [...token.generateRandom(16)].map((byte) => base32.charAt(byte & 31)).join('');
  return {
    AccessKeyId: `AKIA${id}`,
    SecretAccessKey: new Secret(token.generateRandom(30).toString('base64')),
  };
}
