import type { Token } from '../../hsm';
import type { Transaction } from '../db';
import { Sealing, type SealingPurpose } from './sealing';

interface SealedRow {
  readonly id: string;
  readonly owner: string;
  readonly sealed_secret: Buffer;
  readonly sealing_key_id: string;
}

interface SealedTable {
  readonly table: string;
  /** Its primary key. */
  readonly id: string;
  /** What each secret is bound to, where that is not the primary key. */
  readonly owner?: string;
}

/** Where secrets are that last, by what seals them. */
const tables: Partial<Record<SealingPurpose, SealedTable>> = {
  'access-key-sealing': { table: 'access_key', id: 'access_key_id' },
  'key-store-sealing': { table: 'custom_key_store', id: 'custom_key_store_id' },
  'xks-credential-sealing': {
    ...{ table: 'xks_credential', id: 'access_key_id' },
    owner: `prefix || ':' || access_key_id`,
  },
};

/**
 * Seals what lasts of a purpose under its newest sealing key. Workers that know a secret go on with it; those that do not
 * read the row, which says under which key it is.
 */
export async function reseal(
  transaction: Transaction,
  token: Token,
  purpose: SealingPurpose,
): Promise<void> {
  const sealed = tables[purpose];
  const sealing = new Sealing(token, purpose);
  const keyId = await sealing.currentKey(transaction);
  if (sealed === undefined || keyId === undefined) return;
  const { table, id, owner: ownerOf = id } = sealed;
  const rows = await transaction.query<SealedRow>({
    text: `
      select ${id} as id, ${ownerOf} as owner, sealed_secret, sealing_key_id from ${table}
      where sealing_key_id <> $1::text order by ${id} for update`,
    values: [keyId],
  });
  for (const { owner, sealed_secret: blob, sealing_key_id: sealingKeyId, ...row } of rows) {
    const secret = await sealing.open({ blob, sealingKeyId }, owner);
    const anew = await sealing.seal(secret, { owner, keyId });
    secret.wipe();
    await transaction.execute({
      name: `${table}-reseal`,
      text: `
        update ${table} set sealed_secret = $2::bytea, sealing_key_id = $3::text
        where ${id} = $1::text`,
      values: [row.id, anew.blob, keyId],
    });
  }
}
