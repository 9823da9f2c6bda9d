import { HsmError, type MaterialKind, type Token, type WrappedMaterial, aesKind } from '../../hsm';
import type { Queryable } from '../db';

/** Rows that are looked at, and changed, at once. */
const batchRows = 200;
/** Calls that the token is given at once: one on a network keeps its sessions busy. */
const callsAtOnce = 16;

export interface Rewrapping {
  readonly db: Queryable;
  readonly token: Token;
  /** Under which everything is to be. */
  readonly wrappingKeyId: string;
  /** Told how many more have been moved. */
  readonly onMoved: (materials: number) => void;
}

interface WrappedRow {
  readonly material_id: string;
  readonly key_id: string;
  readonly key_spec: MaterialKind['spec'];
  readonly key_usage: MaterialKind['usage'];
  readonly wrapping_key_id: string;
  readonly wrapped: Buffer;
}

interface SystemKeyRow {
  readonly purpose: string;
  readonly token_key_id: string;
  readonly wrapping_key_id: string;
  readonly wrapped: Buffer;
}

/** Material that does not unwrap, and stays as it is. */
export interface Unwrappable {
  readonly keyId: string;
  readonly materialId: string;
}

/** How many materials, and keys of the system, are under another wrapping key than the one that is current. */
export async function countToRewrap(
  db: Queryable,
): Promise<{ readonly materials: number; readonly systemKeys: number }> {
  const retired = `(select w.wrapping_key_id from wrapping_key w where w.state <> 'CURRENT')`;
  const [row] = await db.query<{ materials: number; system_keys: number }>({
    text: `
      select
        (select count(*)::int from key_material m where m.wrapping_key_id in ${retired}) as materials,
        (select count(*)::int from system_key s where s.wrapping_key_id in ${retired}) as system_keys`,
  });
  return { materials: row?.materials ?? 0, systemKeys: row?.system_keys ?? 0 };
}

/** As rewrapAll, for the few keys of the system. Rejects where one does not unwrap. */
export async function rewrapSystemKeys({
  db,
  token,
  wrappingKeyId,
}: Omit<Rewrapping, 'onMoved'>): Promise<void> {
  const rows = await db.query<SystemKeyRow>({
    text: `
      select purpose, token_key_id, wrapping_key_id, wrapped from system_key
      where wrapping_key_id <> $1::text order by purpose, token_key_id`,
    values: [wrappingKeyId],
  });
  for (const { purpose, token_key_id: id, wrapping_key_id: from, wrapped } of rows) {
    const material = { wrappingKeyId: from, blob: wrapped };
    const { blob } = await token.rewrap(material, aesKind, wrappingKeyId);
    await db.execute({
      text: `
        update system_key set wrapping_key_id = $3::text, wrapped = $4::bytea
        where purpose = $1::text and token_key_id = $2::text and wrapped = $5::bytea`,
      values: [purpose, id, wrappingKeyId, blob, wrapped],
    });
  }
}

/**
 * Moves every wrapped material under one wrapping key, inside the token. Each row is right at every moment, and says under
 * which key it is, so whatever ends this leaves the rest to the next time. Returns what did not unwrap.
 */
export async function rewrapAll(work: Rewrapping): Promise<Unwrappable[]> {
  const invalid = new Map<string, Unwrappable>();
  for (;;) {
    const { seen, moved } = await pass(work, invalid);
    if (seen === 0) return [...invalid.values()];
    // Others hold what is left: a key that is being deleted, or rotated. It is waited for, one row at a time.
    if (moved === 0) await moveFirst(work, invalid);
  }
}

/** Goes once over all rows, and past those that somebody else has locked. */
async function pass(
  work: Rewrapping,
  invalid: Map<string, Unwrappable>,
): Promise<{ seen: number; moved: number }> {
  let [seen, moved] = [0, 0];
  for (let after = ''; ;) {
    const batch = await readBatch(work, { after, limit: batchRows });
    const last = batch.at(-1);
    if (last === undefined) return { seen, moved };
    after = last.material_id;
    const wanted = batch.filter((row) => !invalid.has(row.material_id));
    seen += wanted.length;
    moved += await move(work, wanted, { invalid, locked: 'skip locked' });
  }
}

async function moveFirst(work: Rewrapping, invalid: Map<string, Unwrappable>): Promise<void> {
  const batch = await readBatch(work, { after: '', limit: invalid.size + 1 });
  const first = batch.find((row) => !invalid.has(row.material_id));
  if (first !== undefined) await move(work, [first], { invalid, locked: '' });
}

/** Those after `after` that are under another key, in order. */
function readBatch(
  { db, wrappingKeyId }: Rewrapping,
  { after, limit }: { after: string; limit: number },
): Promise<WrappedRow[]> {
  return db.query<WrappedRow>({
    name: 'material-to-rewrap',
    text: `
      select m.material_id, m.key_id, k.key_spec, k.key_usage, m.wrapping_key_id, m.wrapped
      from key_material m join kms_key k on k.key_id = m.key_id
      where m.material_id > $1::text and m.wrapping_key_id <> $2::text
      order by m.material_id limit $3::int`,
    values: [after, wrappingKeyId, limit],
  });
}

interface Rewrapped {
  readonly row: WrappedRow;
  readonly blob: Buffer;
}

/** Returns how many rows it changed: those that are still as they were read, and that nobody holds. */
async function move(
  { db, token, wrappingKeyId, onMoved }: Rewrapping,
  rows: readonly WrappedRow[],
  { invalid, locked }: { invalid: Map<string, Unwrappable>; locked: 'skip locked' | '' },
): Promise<number> {
  const rewrapped: Rewrapped[] = [];
  for (let at = 0; at < rows.length; at += callsAtOnce) {
    const some = await Promise.all(
      rows.slice(at, at + callsAtOnce).map((row) => rewrap(token, row, wrappingKeyId)),
    );
    rewrapped.push(...some.filter((one) => one !== undefined));
  }
  const done = new Set(rewrapped.map(({ row }) => row.material_id));
  for (const { material_id: materialId, key_id: keyId } of rows) {
    if (!done.has(materialId)) invalid.set(materialId, { keyId, materialId });
  }
  const moved = await db.execute({
    text: `
      with mine as (
        select material_id from key_material where material_id = any($1::text[])
        order by material_id for update ${locked}
      )
      update key_material m set wrapping_key_id = $4::text, wrapped = r.rewrapped
      from mine, unnest($1::text[], $2::bytea[], $3::bytea[]) as r(material_id, wrapped, rewrapped)
      where m.material_id = mine.material_id and m.material_id = r.material_id and m.wrapped = r.wrapped`,
    values: [
      rewrapped.map(({ row }) => row.material_id),
      rewrapped.map(({ row }) => row.wrapped),
      rewrapped.map(({ blob }) => blob),
      wrappingKeyId,
    ],
  });
  onMoved(moved);
  return moved;
}

/** Undefined where the blob does not unwrap. */
async function rewrap(
  token: Token,
  row: WrappedRow,
  wrappingKeyId: string,
): Promise<Rewrapped | undefined> {
  const material: WrappedMaterial = { wrappingKeyId: row.wrapping_key_id, blob: row.wrapped };
  const kind: MaterialKind = { spec: row.key_spec, usage: row.key_usage };
  try {
    const { blob } = await token.rewrap(material, kind, wrappingKeyId);
    return { row, blob };
  } catch (error) {
    if (error instanceof HsmError && error.code === 'material-invalid') return undefined;
    throw error;
  }
}
