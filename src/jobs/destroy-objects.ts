import type { Token } from '../../hsm';
import type { Database } from '../db';
import { destroyObject, isNamed, lockDoomed, removeEntry } from '../keys/doomed-objects';
import { lockToken } from '../keys/token-lock';
import type { Job } from './job';

export interface DestroyObjectsParts {
  readonly database: Database;
  readonly token: Token;
}

/**
 * Destroys objects of this token that were made and never named, or are named no more. The entry is locked from the look at
 * what names the object until it is gone: who makes an object, or names one again, holds the same lock (`spare`). Killed in
 * between, the job leaves the entry, and to destroy what is destroyed already is success.
 */
export function destroyObjects({ database, token }: DestroyObjectsParts): Job {
  const tokenSerial = token.status().serial;
  return {
    name: 'destroy-objects',
    due: {
      from: 'doomed_object d',
      where: 'true',
      only: { column: 'd.token_serial', value: tokenSerial },
      subject: 'd.token_key_id',
      at: 'd.due_at',
    },
    async run({ subject: tokenKeyId, clockOffsetSeconds }) {
      const object = { tokenKeyId, tokenSerial };
      const transaction = await database.begin();
      try {
        const entry = await lockDoomed(transaction, { ...object, clockOffsetSeconds });
        if (entry === undefined) return false;
        if (!(await isNamed(transaction, object))) {
          requireSame(token, tokenSerial);
          // SoftHSM misses what another process changes beside it, and what is missed would stay.
          await lockToken(transaction, tokenSerial);
          await destroyObject(token, { tokenKeyId, ...entry });
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
