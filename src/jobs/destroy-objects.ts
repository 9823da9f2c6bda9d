import type { Token } from '../../hsm';
import type { Database } from '../db';
import {
  type DueObject,
  destroyObject,
  isNamed,
  lockDoomed,
  removeEntry,
  withinReach,
} from '../keys/doomed-objects';
import type { KeyTokens } from '../keys/key-tokens';
import { lockToken } from '../keys/token-lock';
import type { Job } from './job';

export interface DestroyObjectsParts {
  readonly database: Database;
  /** The main one. */
  readonly token: Token;
  readonly keyTokens: Pick<KeyTokens, 'ofStore'>;
}

/**
 * Destroys objects of tokens that were made and never named, or are named no more: of the main token, and of those of custom
 * key stores, while they are connected. The entry is locked from the look at what names the object until it is gone: who makes
 * an object, or names one again, holds the same lock (`spare`). Killed in between, the job leaves the entry, and to destroy
 * what is destroyed already is success.
 */
export function destroyObjects({ database, token, keyTokens }: DestroyObjectsParts): Job {
  const tokenSerial = token.status().serial;
  const tokenOf = async ({ customKeyStoreId }: DueObject): Promise<Token> =>
    customKeyStoreId === undefined ? token : keyTokens.ofStore(customKeyStoreId);
  return {
    name: 'destroy-objects',
    due: {
      from: 'doomed_object d',
      where: 'true',
      only: { where: withinReach, value: tokenSerial },
      claimable: `(d.custom_key_store_id is null or exists (
        select from custom_key_store s
        where s.custom_key_store_id = d.custom_key_store_id and s.connection_state = 'CONNECTED'))`,
      subject: 'd.token_key_id',
      at: 'd.due_at',
    },
    async run({ subject: tokenKeyId, clockOffsetSeconds }) {
      const transaction = await database.begin();
      try {
        const due = { tokenKeyId, tokenSerial, clockOffsetSeconds };
        const object = await lockDoomed(transaction, due);
        if (object === undefined) return false;
        if (!(await isNamed(transaction, object))) {
          const holder = await tokenOf(object);
          requireSame(holder, object.tokenSerial);
          // SoftHSM misses what another process changes beside it, and what is missed would stay.
          await lockToken(transaction, object.tokenSerial);
          await destroyObject(holder, object);
        }
        await removeEntry(transaction, object);
        await transaction.commit();
        return true;
      } finally {
        await transaction.rollback();
      }
    },
  };
}

/** Where there is no such object, to destroy it is success: it must be asked of the token that has it. */
function requireSame(token: Token, tokenSerial: string): void {
  const { serial } = token.status();
  if (serial === tokenSerial) return;
  throw new Error(`The token with serial ${tokenSerial} has become one with serial ${serial}`);
}
