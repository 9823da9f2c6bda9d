import type { Transaction } from '../db';
import type { Sealing } from './sealing';

interface SealedRow {
  readonly access_key_id: string;
  readonly sealed_secret: Buffer;
  readonly sealing_key_id: string;
}

/**
 * Seals the secrets of all access keys under the newest sealing key. Workers that know a secret go on with it; those that do
 * not read the row, which says under which key it is.
 */
export async function resealAccessKeys(transaction: Transaction, sealing: Sealing): Promise<void> {
  const keyId = await sealing.currentKey(transaction);
  if (keyId === undefined) return;
  const rows = await transaction.query<SealedRow>({
    text: `
      select access_key_id, sealed_secret, sealing_key_id from access_key
      where sealing_key_id <> $1::text order by access_key_id for update`,
    values: [keyId],
  });
  for (const { access_key_id: owner, sealed_secret: blob, sealing_key_id: sealingKeyId } of rows) {
    const secret = await sealing.open({ blob, sealingKeyId }, owner);
    const sealed = await sealing.seal(secret, { owner, keyId });
    secret.wipe();
    await transaction.execute({
      name: 'access-key-reseal',
      text: `
        update access_key set sealed_secret = $2::bytea, sealing_key_id = $3::text
        where access_key_id = $1::text`,
      values: [owner, sealed.blob, keyId],
    });
  }
}
