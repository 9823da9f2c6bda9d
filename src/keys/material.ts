import type { TokenKey, WrappedMaterial } from '../../hsm';
import type { Queryable } from '../db';
import type {
  ExpirationModelType,
  ImportState,
  KeyMaterialState,
  RotationType,
} from '../shapes/kms.generated';

/** How a key store keeps its material: as objects of its token, or wrapped by it and in the database. */
export type MaterialStorage = 'resident' | 'wrapped';

/** What a key encrypts and decrypts with, or did: in the token, or wrapped by it. `id` is the key material id. */
export interface Material extends TokenKey {
  readonly state: KeyMaterialState;
  /** Of imported material. */
  readonly imported: ImportedMaterial | undefined;
  /** Of asymmetric material: base64 of the DER of SubjectPublicKeyInfo. Text, for what WrappedText says. */
  readonly publicKey: string | undefined;
}

export interface ImportedMaterial {
  /** PENDING_IMPORT: it was deleted, or has expired, and can only be imported again. */
  readonly state: ImportState;
  readonly expirationModel: ExpirationModelType;
  readonly validTo: Date | undefined;
  /** The same on this process's steady clock, as the database's had it when the key was read. Infinity: never. */
  readonly lapsesAt: number;
}

/** The key needs it for good: it encrypts, or did. Others wait for a rotation, and may never come to that. */
export function isAssociated({ state }: Pick<Material, 'state'>): boolean {
  return state === 'CURRENT' || state === 'NON_CURRENT';
}

/** It was deleted or has expired, even if nobody has noticed yet. */
export function isAway({ imported }: Material): boolean {
  if (imported === undefined) return false;
  return imported.state !== 'IMPORTED' || performance.now() >= imported.lapsesAt;
}

/** When the first of the materials that a key needs expires, on this process's steady clock. */
export function firstLapse(materials: Iterable<Material>): number | undefined {
  let first = Infinity;
  for (const material of materials) {
    if (isAssociated(material)) first = Math.min(first, material.imported?.lapsesAt ?? Infinity);
  }
  return first === Infinity ? undefined : first;
}

/** A row of key_material, as JSON that Postgres made. */
export interface MaterialRow {
  readonly id: string;
  readonly state: KeyMaterialState;
  readonly wrapping_key_id: string | null;
  /** Base64. */
  readonly wrapped: string | null;
  readonly import_state: ImportState | null;
  readonly expiration_model: ExpirationModelType | null;
  /** Milliseconds since 1970. */
  readonly valid_to: number | null;
  /** Milliseconds until then, by the clock of the database. */
  readonly valid_for: number | null;
  /** Base64. */
  readonly public_key: string | null;
}

/** A JSON array of the MaterialRows of the key `k`, in the order in which it came by them. */
export const materialRows = `
  (select coalesce(json_agg(json_build_object(
      'id', m.material_id, 'state', m.state, 'wrapping_key_id', m.wrapping_key_id,
      'wrapped', encode(m.wrapped, 'base64'), 'import_state', m.import_state, 'expiration_model', m.expiration_model,
      'valid_to', (extract(epoch from m.valid_to) * 1000)::bigint,
      'valid_for', extract(epoch from m.valid_to - clock_timestamp()) * 1000,
      'public_key', encode(m.public_key, 'base64')) order by m.ordinal), '[]')
    from key_material m where m.key_id = k.key_id)`;

export function toMaterial(row: MaterialRow): Material {
  return {
    id: row.id,
    wrapped:
      row.wrapping_key_id === null || row.wrapped === null
        ? undefined
        : new WrappedText(row.wrapping_key_id, row.wrapped),
    state: row.state,
    imported:
      row.import_state === null
        ? undefined
        : {
            state: row.import_state,
            expirationModel: row.expiration_model ?? 'KEY_MATERIAL_DOES_NOT_EXPIRE',
            validTo: row.valid_to === null ? undefined : new Date(row.valid_to),
            lapsesAt: row.valid_for === null ? Infinity : performance.now() + row.valid_for,
          },
    publicKey: row.public_key ?? undefined,
  };
}

/**
 * Kept as text while the key is, and read when the token unwraps it: a small Buffer is cut from the pool of Buffers, and would
 * keep a whole block of it, for each of a hundred thousand keys.
 */
class WrappedText implements WrappedMaterial {
  constructor(
    readonly wrappingKeyId: string,
    private readonly base64: string,
  ) {}

  get blob(): Buffer {
    return Buffer.from(this.base64, 'base64');
  }
}

/** Where material is: an object of a token, or wrapped by it and kept here. */
export type MaterialPlace =
  { readonly tokenSerial: string } | { readonly wrapped: WrappedMaterial };

/** A material that a key has come by. */
export interface NewMaterial {
  readonly materialId: string;
  readonly state: KeyMaterialState;
  readonly place: MaterialPlace;
  /** Of asymmetric material: DER of SubjectPublicKeyInfo. */
  readonly publicKey?: Buffer | undefined;
  /** What made it the current one in place of another. */
  readonly rotationType?: RotationType;
}

/** The key's next material. */
export async function insertMaterial(
  db: Queryable,
  keyId: string,
  { materialId, state, place, publicKey, rotationType }: NewMaterial,
): Promise<void> {
  const wrapped = 'wrapped' in place ? place.wrapped : undefined;
  await db.execute({
    name: 'key-material-insert',
    text: `
      insert into key_material
        (material_id, key_id, kind, token_serial, wrapping_key_id, wrapped, state, rotation_type, rotated_at, public_key,
          ordinal)
      select $1::text, $2::text, $3::text, $4::text, $5::text, $6::bytea, $7::text, $8::text,
        case when $8::text is not null then clock_timestamp() end, $9::bytea,
        coalesce(max(m.ordinal), 0) + 1
      from key_material m where m.key_id = $2::text`,
    values: [
      materialId,
      keyId,
      wrapped === undefined ? 'resident' : 'wrapped',
      'tokenSerial' in place ? place.tokenSerial : null,
      wrapped?.wrappingKeyId ?? null,
      wrapped?.blob ?? null,
      state,
      rotationType ?? null,
      publicKey ?? null,
    ],
  });
}

/** What was current opens what it sealed, and seals no more. */
export async function retireCurrentMaterial(db: Queryable, keyId: string): Promise<void> {
  await db.execute({
    name: 'key-material-retire',
    text: `update key_material set state = 'NON_CURRENT' where key_id = $1::text and state = 'CURRENT'`,
    values: [keyId],
  });
}

export async function setCurrentMaterial(
  db: Queryable,
  keyId: string,
  materialId: string,
): Promise<void> {
  await db.execute({
    name: 'key-set-current-material',
    text: 'update kms_key set current_material_id = $2::text where key_id = $1::text',
    values: [keyId, materialId],
  });
}

/** Material of the key becomes the current one, and what was current stays for Decrypt. */
export async function promoteMaterial(
  db: Queryable,
  keyId: string,
  {
    materialId,
    rotationType,
  }: { readonly materialId: string; readonly rotationType: RotationType },
): Promise<void> {
  await retireCurrentMaterial(db, keyId);
  await db.execute({
    name: 'key-material-promote',
    text: `
      update key_material set state = 'CURRENT', rotation_type = $3::text, rotated_at = clock_timestamp()
      where key_id = $1::text and material_id = $2::text`,
    values: [keyId, materialId, rotationType],
  });
  await setCurrentMaterial(db, keyId, materialId);
}
