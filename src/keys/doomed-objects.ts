import type { Token } from '../../hsm';
import type { Queryable, Transaction } from '../db';

/** An object of a token by its CKA_ID. */
export interface TokenObject {
  readonly tokenKeyId: string;
  readonly tokenSerial: string;
}

/** Which objects of the token have the CKA_ID: one, or the two of a pair. */
export type TokenObjectKind = 'secret-key' | 'key-pair';

export interface DoomedObject extends TokenObject {
  readonly kind: TokenObjectKind;
  /** By the clock of the database. */
  readonly dueInSeconds: number;
  /** Whose it is, of a pair for an import. */
  readonly accountId?: string;
  /** Whose token it is in, where that is not the main one. */
  readonly customKeyStoreId?: string | undefined;
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
 * An entry that is there is given the new time, which is not rounded up: what is due now is due.
 */
export async function doom(
  db: Queryable,
  { tokenKeyId, tokenSerial, kind, dueInSeconds, ...of }: DoomedObject,
): Promise<void> {
  await db.execute({
    name: 'object-doom',
    text: `
      insert into doomed_object (token_key_id, token_serial, kind, due_at, account_id, custom_key_store_id)
      values ($1::text, $2::text, $3::text,
        date_trunc('milliseconds', clock_timestamp()) + make_interval(secs => $4::float8), $5::text, $6::text)
      on conflict (token_key_id, token_serial) do update set kind = excluded.kind, due_at = excluded.due_at`,
    values: [
      ...[tokenKeyId, tokenSerial, kind, dueInSeconds],
      ...[of.accountId ?? null, of.customKeyStoreId ?? null],
    ],
  });
}

/** How many pairs for imports the account has, those that should have been destroyed by now too. */
export async function countImportPairs(db: Queryable, accountId: string): Promise<number> {
  const [row] = await db.query<{ pairs: number }>({
    name: 'object-count-import-pairs',
    text: 'select count(*)::int as pairs from doomed_object where account_id = $1::text',
    values: [accountId],
  });
  return row?.pairs ?? 0;
}

/**
 * The transaction names the object: nothing destroys it when it commits, nor before it ends, as the entry is locked. Throws
 * when there is no entry: then nobody would remember the object of a transaction that does not commit.
 */
export async function spare(transaction: Transaction, object: TokenObject): Promise<void> {
  if (await removeEntry(transaction, object)) return;
  throw new Error('an object of the token is spared that was not entered');
}

/** Whether there was an entry. */
export async function removeEntry(
  db: Queryable,
  { tokenKeyId, tokenSerial }: TokenObject,
): Promise<boolean> {
  const removed = await db.execute({
    name: 'object-remove-doomed',
    text: 'delete from doomed_object where token_key_id = $1::text and token_serial = $2::text',
    values: [tokenKeyId, tokenSerial],
  });
  return removed > 0;
}

/** An object in the main token, or in that of a custom key store. */
export type DueObject = TokenObject & Pick<DoomedObject, 'kind' | 'customKeyStoreId'>;

/** The entry of an object when it is due, locked; undefined when it is gone, or another transaction has it. */
export async function lockDoomed(
  transaction: Transaction,
  {
    tokenKeyId,
    tokenSerial: mainSerial,
    clockOffsetSeconds,
  }: TokenObject & { readonly clockOffsetSeconds: number },
): Promise<DueObject | undefined> {
  const [entry] = await transaction.query<{
    readonly kind: TokenObjectKind;
    readonly token_serial: string;
    readonly custom_key_store_id: string | null;
  }>({
    name: 'object-lock-doomed',
    text: `
      select d.kind, d.token_serial, d.custom_key_store_id from doomed_object d
      where d.token_key_id = $1::text and ${withinReach('$2')}
        and d.due_at <= now() + make_interval(secs => $3::float8)
      order by d.due_at limit 1
      for update skip locked`,
    values: [tokenKeyId, mainSerial, clockOffsetSeconds],
  });
  if (entry === undefined) return undefined;
  const { kind, token_serial: tokenSerial, custom_key_store_id: storeId } = entry;
  return { tokenKeyId, tokenSerial, kind, customKeyStoreId: storeId ?? undefined };
}

/** Of a row `d` of doomed_object: it is in the main token, whose serial a parameter is, or in one of a custom key store. */
export function withinReach(mainSerial: string): string {
  return `(d.custom_key_store_id is not null or d.token_serial = ${mainSerial}::text)`;
}

/**
 * Whether anything that is committed needs an object of this id, in whatever token. Asked by who has locked its entry: a
 * transaction that is about to name it would hold that lock.
 */
export async function isNamed(
  transaction: Transaction,
  { tokenKeyId }: Pick<TokenObject, 'tokenKeyId'>,
): Promise<boolean> {
  const [row] = await transaction.query<{ named: boolean }>({
    name: 'object-is-named',
    text: `
      select exists (select from key_material m where m.material_id = $1::text and ${inToken})
        or exists (select from system_key s where s.token_key_id = $1::text)
        or exists (select from wrapping_key w where w.wrapping_key_id = $1::text) as named`,
    values: [tokenKeyId],
  });
  return row?.named !== false;
}

/** Of a row `m` of key_material: it needs an object of a token. */
export const inToken = `m.kind = 'resident' and m.import_state is distinct from 'PENDING_IMPORT'`;

const destroyers = {
  'secret-key': (token, id) => token.destroyKey(id),
  'key-pair': (token, id) => token.destroyKeyPair(id),
} as const satisfies Record<TokenObjectKind, (token: Token, id: string) => Promise<void>>;

/** What is not there is destroyed already. */
export function destroyObject(
  token: Token,
  { tokenKeyId, kind }: Pick<DoomedObject, 'tokenKeyId' | 'kind'>,
): Promise<void> {
  return destroyers[kind](token, tokenKeyId);
}
