import type { Token } from '../../hsm';
import type { Transaction } from '../db';
import { Sealing, type SealingPurpose } from './sealing';

interface SealedRow {
  readonly id: string;
  readonly owner: string;
  readonly sealed_secret: Buffer;
  readonly sealing_key_id: string;
}

/** Where secrets are that last, each under a key of its purpose and bound to its owner. Fragments of SQL. */
const tables = {
  'access-key-sealing': { name: 'access_key', id: 'access_key_id', owner: 'access_key_id' },
  'key-store-sealing': {
    name: 'custom_key_store',
    id: 'custom_key_store_id',
    owner: 'custom_key_store_id',
  },
  'xks-credential-sealing': {
    name: 'xks_credential',
    id: 'access_key_id',
    owner: `prefix || ':' || access_key_id`,
  },
} as const satisfies Partial<Record<SealingPurpose, Readonly<Record<string, string>>>>;

type LastingPurpose = keyof typeof tables;

export function isLasting(purpose: SealingPurpose): purpose is LastingPurpose {
  return purpose in tables;
}

/**
 * Seals what lasts of a purpose under its newest sealing key. Workers that know a secret go on with it; those that do not read
 * the row, which says under which key it is.
 */
export async function resealSecrets(
  transaction: Transaction,
  token: Token,
  purpose: LastingPurpose,
): Promise<void> {
  const sealing = new Sealing(token, purpose);
  const keyId = await sealing.currentKey(transaction);
  if (keyId === undefined) return;
  const { name, id: column, owner: expression } = tables[purpose];
  const rows = await transaction.query<SealedRow>({
    text: `
      select ${column} as id, ${expression} as owner, sealed_secret, sealing_key_id from ${name}
      where sealing_key_id <> $1::text order by ${column} for update`,
    values: [keyId],
  });
  for (const { id, owner, sealed_secret: blob, sealing_key_id: sealingKeyId } of rows) {
    const secret = await sealing.open({ blob, sealingKeyId }, owner);
    const sealed = await sealing.seal(secret, { owner, keyId });
    secret.wipe();
    await transaction.execute({
      name: `reseal-${purpose}`,
      text: `
        update ${name} set sealed_secret = $2::bytea, sealing_key_id = $3::text
        where ${column} = $1::text`,
      values: [id, sealed.blob, keyId],
    });
  }
}
