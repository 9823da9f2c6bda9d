import type { Queryable } from '../db';
import type { ExpirationModelType, KeyMaterialState, KeySpec } from '../shapes/kms.generated';
import type { MaterialPlace } from './material';

/** What an import says of its material besides the material. */
export interface ImportTerms {
  /** Undefined keeps the one of the last import. */
  readonly description: string | undefined;
  readonly expirationModel: ExpirationModelType;
  readonly validTo: Date | undefined;
}

export interface ImportedRow {
  readonly materialId: string;
  /** Of material that is new to the key; what the key had keeps its state. */
  readonly state: KeyMaterialState;
  readonly place: MaterialPlace;
  /** Of asymmetric material: DER of SubjectPublicKeyInfo. */
  readonly publicKey: Buffer | undefined;
  readonly terms: ImportTerms;
}

/** The material is there: as the key's next one, or in place of the same that was deleted or had expired. */
export async function recordImport(
  db: Queryable,
  keyId: string,
  { materialId, state, place, publicKey, terms }: ImportedRow,
): Promise<void> {
  const wrapped = 'wrapped' in place ? place.wrapped : undefined;
  await db.execute({
    name: 'key-material-import',
    text: `
      insert into key_material as had
        (material_id, key_id, kind, token_serial, wrapping_key_id, wrapped, state, ordinal, import_state, description,
          expiration_model, valid_to, public_key)
      select $1::text, $2::text, $3::text, $4::text, $5::text, $6::bytea, $7::text, coalesce(max(m.ordinal), 0) + 1,
        'IMPORTED', $8::text, $9::text, $10::timestamptz, $11::bytea
      from key_material m where m.key_id = $2::text
      on conflict (material_id) do update set
        kind = excluded.kind, token_serial = excluded.token_serial, wrapping_key_id = excluded.wrapping_key_id,
        wrapped = excluded.wrapped, import_state = excluded.import_state,
        description = coalesce(excluded.description, had.description),
        expiration_model = excluded.expiration_model, valid_to = excluded.valid_to,
        public_key = excluded.public_key
      where had.key_id = excluded.key_id`,
    values: [
      ...[materialId, keyId, wrapped === undefined ? 'resident' : 'wrapped'],
      'tokenSerial' in place ? place.tokenSerial : null,
      ...[wrapped?.wrappingKeyId ?? null, wrapped?.blob ?? null, state],
      ...[
        terms.description ?? null,
        terms.expirationModel,
        terms.validTo ?? null,
        publicKey ?? null,
      ],
    ],
  });
}

/** Material that is there is imported again: other terms are all that changes. What was imported before public keys were kept gets its. */
export async function renewTerms(
  db: Queryable,
  { materialId, publicKey }: Pick<ImportedRow, 'materialId' | 'publicKey'>,
  { description, expirationModel, validTo }: ImportTerms,
): Promise<void> {
  await db.execute({
    name: 'key-material-renew',
    text: `
      update key_material set
        description = coalesce($2::text, description), expiration_model = $3::text, valid_to = $4::timestamptz,
        public_key = $5::bytea
      where material_id = $1::text`,
    values: [materialId, description ?? null, expirationModel, validTo ?? null, publicKey ?? null],
  });
}

/** What a material is kept in, before it is no more. */
export interface FormerPlace {
  /** Of material in a token. */
  readonly tokenSerial: string | undefined;
}

interface PlaceRow {
  readonly token_serial: string | null;
}

/** The material is gone and can be imported again. Undefined where it was gone before. */
export async function forgetImport(
  db: Queryable,
  materialId: string,
): Promise<FormerPlace | undefined> {
  const [row] = await db.query<PlaceRow>({
    name: 'key-material-forget',
    text: `
      update key_material set
        import_state = 'PENDING_IMPORT', wrapping_key_id = null, wrapped = null, expiration_model = null, valid_to = null
      where material_id = $1::text and import_state = 'IMPORTED'
      returning token_serial`,
    values: [materialId],
  });
  return row && { tokenSerial: row.token_serial ?? undefined };
}

/** The material waited for a rotation and never will be the key's. Undefined where it is something else. */
export async function discardImport(
  db: Queryable,
  materialId: string,
): Promise<FormerPlace | undefined> {
  const [row] = await db.query<PlaceRow>({
    name: 'key-material-discard',
    text: `
      delete from key_material
      where material_id = $1::text and state not in ('CURRENT', 'NON_CURRENT') and import_state is not null
      returning token_serial`,
    values: [materialId],
  });
  return row && { tokenSerial: row.token_serial ?? undefined };
}

/**
 * A key is of use while everything is there that it encrypted with (kms-semantics §9.3): without it waits for an import,
 * and with the last that was missing it is enabled. A key that is disabled, or is to be deleted, stays so when material
 * comes.
 */
export async function settleImportState(db: Queryable, keyId: string): Promise<void> {
  await db.execute({
    name: 'key-settle-import-state',
    text: `
      update kms_key k set state = case when ${incomplete} then 'PendingImport' else 'Enabled' end
      where k.key_id = $1::text
        and case when ${incomplete} then k.state in ('Enabled', 'Disabled') else k.state = 'PendingImport' end`,
    values: [keyId],
  });
}

/** Of a row `k` of kms_key: it has no material, or not all that it had. */
export const incomplete = `(k.origin = 'EXTERNAL' and (k.current_material_id is null or exists (
  select from key_material m
  where m.key_id = k.key_id and m.state in ('CURRENT', 'NON_CURRENT') and m.import_state = 'PENDING_IMPORT')))`;

/** Material whose time is over, and whose it is. */
export interface ExpiredMaterial {
  readonly keyId: string;
  readonly keySpec: KeySpec;
  readonly accountId: string;
}

interface ExpiredKeyRow {
  readonly key_id: string;
  readonly key_spec: KeySpec;
  readonly account_id: string;
}

/**
 * The key of a material whose time is over, locked: what imports it again, or deletes it, holds the same lock. Undefined
 * where it was imported again, or is gone.
 */
export async function lockExpired(
  db: Queryable,
  materialId: string,
  clockOffsetSeconds: number,
): Promise<ExpiredMaterial | undefined> {
  const [key] = await db.query<ExpiredKeyRow>({
    name: 'key-lock-expired',
    text: `
      select k.key_id, k.key_spec, k.account_id from kms_key k
      where k.key_id = (select m.key_id from key_material m where m.material_id = $1::text)
      for update`,
    values: [materialId],
  });
  if (key === undefined) return undefined;
  // A statement of its own: one that had to wait for the lock sees the material as it was before.
  const expired = await db.query({
    name: 'key-material-expired',
    text: `
      select from key_material
      where material_id = $1::text and import_state = 'IMPORTED'
        and valid_to <= clock_timestamp() + make_interval(secs => $2::float8)`,
    values: [materialId, clockOffsetSeconds],
  });
  if (expired.length === 0) return undefined;
  return { keyId: key.key_id, keySpec: key.key_spec, accountId: key.account_id };
}
