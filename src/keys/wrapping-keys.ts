import type { Token } from '../../hsm';
import type { Database, Queryable, Transaction } from '../db';
import type { UndoStep } from '../undo';
import { doom, spare, untilForgottenSeconds } from './doomed-objects';
import type { MaterialStorage } from './material';
import { lockToken } from './token-lock';

/** A key of the token that wraps material which is kept in the database. */
export interface WrappingKey {
  readonly id: string;
  /** The current one wraps new material; a retired one opens what it wrapped. */
  readonly state: 'CURRENT' | 'RETIRED';
  readonly exportable: boolean;
  readonly createdAt: Date;
  /** How many key materials it wraps, and how many keys of the system. */
  readonly materials: number;
  readonly systemKeys: number;
}

interface WrappingKeyRow {
  readonly wrapping_key_id: string;
  readonly state: WrappingKey['state'];
  readonly exportable: boolean;
  readonly created_at: Date;
  readonly materials: number;
  readonly system_keys: number;
}

/**
 * The id of the one that wraps new material. It stays current until the transaction ends, so that a rotation which has made
 * another one current finds everything that was wrapped before.
 */
export async function holdCurrentWrappingKey(transaction: Transaction): Promise<string> {
  const [row] = await transaction.query<{ wrapping_key_id: string }>({
    name: 'wrapping-key-hold-current',
    text: `select wrapping_key_id from wrapping_key where state = 'CURRENT' for key share`,
  });
  if (row === undefined) {
    throw new Error('there is no wrapping key: `claviger wrapping-key create` makes it');
  }
  return row.wrapping_key_id;
}

export async function currentWrappingKey(db: Queryable): Promise<string | undefined> {
  const [row] = await db.query<{ wrapping_key_id: string }>({
    name: 'wrapping-key-current',
    text: `select wrapping_key_id from wrapping_key where state = 'CURRENT'`,
  });
  return row?.wrapping_key_id;
}

/** Oldest first. Counts what each of them wraps. */
export async function listWrappingKeys(db: Queryable): Promise<WrappingKey[]> {
  const rows = await db.query<WrappingKeyRow>({
    text: `
      select w.wrapping_key_id, w.state, w.exportable, w.created_at,
        (select count(*)::int from key_material m where m.wrapping_key_id = w.wrapping_key_id) as materials,
        (select count(*)::int from system_key s where s.wrapping_key_id = w.wrapping_key_id) as system_keys
      from wrapping_key w order by w.created_at, w.wrapping_key_id`,
  });
  return rows.map((row) => ({
    id: row.wrapping_key_id,
    state: row.state,
    exportable: row.exportable,
    createdAt: row.created_at,
    materials: row.materials,
    systemKeys: row.system_keys,
  }));
}

/** The ids of those that the daemon cannot do without: those that wrap something, and the one that is to wrap more. */
export async function wrappingKeysInUse(
  db: Queryable,
  storage: MaterialStorage,
): Promise<string[]> {
  const rows = await db.query<{ wrapping_key_id: string }>({
    text: `
      select w.wrapping_key_id from wrapping_key w
      where w.state = 'CURRENT' and $1::text = 'wrapped'
        or exists (select from key_material m where m.wrapping_key_id = w.wrapping_key_id)
        or exists (select from system_key s where s.wrapping_key_id = w.wrapping_key_id)
      order by w.created_at, w.wrapping_key_id`,
    values: [storage],
  });
  return rows.map((row) => row.wrapping_key_id);
}

/** Waits for those who wrap now, and lets nobody begin until the transaction ends. Reading goes on. */
export async function lockWrappingKeys(transaction: Transaction): Promise<void> {
  await transaction.execute({ text: 'lock table wrapping_key in exclusive mode' });
}

/** False when it is there already. */
export async function insertWrappingKey(
  db: Queryable,
  { id, state, exportable }: Pick<WrappingKey, 'id' | 'state' | 'exportable'>,
): Promise<boolean> {
  const inserted = await db.execute({
    text: `
      insert into wrapping_key (wrapping_key_id, state, exportable)
      values ($1::text, $2::text, $3::boolean) on conflict (wrapping_key_id) do nothing`,
    values: [id, state, exportable],
  });
  return inserted === 1;
}

async function retireCurrentWrappingKey(transaction: Transaction): Promise<void> {
  await transaction.execute({
    text: `update wrapping_key set state = 'RETIRED' where state = 'CURRENT'`,
  });
}

export async function removeWrappingKey(transaction: Transaction, id: string): Promise<void> {
  await transaction.execute({
    text: 'delete from wrapping_key where wrapping_key_id = $1::text',
    values: [id],
  });
}

export function wrappingKeyLabel(id: string): string {
  return `claviger:wrapping:${id}`;
}

interface Parts {
  readonly database: Pick<Database, 'apart'>;
  readonly token: Token;
}

/** A new wrapping key in the token, current when the transaction commits, which locks wrapping keys. Returns its id. */
export async function createWrappingKey(
  { database, token }: Parts,
  transaction: Transaction,
  { exportable, undo }: { exportable: boolean; undo: (step: UndoStep) => void },
): Promise<string> {
  const id = token.generateRandom(32).toString('hex');
  const tokenSerial = token.status().serial;
  const object = { tokenKeyId: id, tokenSerial };
  await doom(database.apart, {
    ...object,
    ...{ kind: 'secret-key', dueInSeconds: untilForgottenSeconds },
  });
  await retireCurrentWrappingKey(transaction);
  await insertWrappingKey(transaction, { id, state: 'CURRENT', exportable });
  await spare(transaction, object);
  await lockToken(transaction, tokenSerial);
  undo(() => token.destroyKey(id));
  await token.createWrappingKey(id, wrappingKeyLabel(id), { exportable });
  return id;
}
