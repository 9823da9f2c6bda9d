import type { Queryable } from '../db';
import type {
  ExpirationModelType,
  ImportState,
  KeyMaterialState,
  RotationType,
} from '../shapes/kms.generated';

/** A material of a key, and how it became the current one. */
export interface KeyRotation {
  /** 1, 2, 3, … in the order in which the key came by its materials. */
  readonly ordinal: number;
  readonly materialId: string;
  readonly state: KeyMaterialState;
  /** Undefined of the first material, and of what waits to become current. */
  readonly rotated: { readonly at: Date; readonly type: RotationType } | undefined;
  /** Of imported material only. */
  readonly imported:
    | {
        readonly state: ImportState;
        readonly description: string | undefined;
        readonly expirationModel: ExpirationModelType | undefined;
        readonly validTo: Date | undefined;
      }
    | undefined;
}

interface RotationRow {
  readonly ordinal: number;
  readonly material_id: string;
  readonly state: KeyMaterialState;
  readonly rotated_at: Date | null;
  readonly rotation_type: RotationType | null;
  readonly import_state: ImportState | null;
  readonly description: string | null;
  readonly expiration_model: ExpirationModelType | null;
  readonly valid_to: Date | null;
}

interface Page {
  readonly keyId: string;
  /** Without the first material, and without what waits. */
  readonly completedOnly: boolean;
  /** An ordinal; 0 is the beginning. */
  readonly after: number;
  readonly limit: number;
}

/** Up to `limit` materials of the key, oldest first. */
export async function listRotations(
  db: Queryable,
  { keyId, completedOnly, after, limit }: Page,
): Promise<KeyRotation[]> {
  const rows = await db.query<RotationRow>({
    name: 'key-list-rotations',
    text: `
      select m.ordinal, m.material_id, m.state, m.rotated_at, m.rotation_type,
        m.import_state, m.description, m.expiration_model, m.valid_to
      from key_material m
      where m.key_id = $1::text and m.ordinal > $2::int and (m.rotated_at is not null or not $3::boolean)
      order by m.ordinal limit $4::int`,
    values: [keyId, after, completedOnly, limit],
  });
  return rows.map(toRotation);
}

function toRotation(row: RotationRow): KeyRotation {
  const { rotated_at: at, rotation_type: type, import_state: state } = row;
  return {
    ordinal: row.ordinal,
    materialId: row.material_id,
    state: row.state,
    rotated: at === null || type === null ? undefined : { at, type },
    imported:
      state === null
        ? undefined
        : {
            state,
            description: row.description ?? undefined,
            expirationModel: row.expiration_model ?? undefined,
            validTo: row.valid_to ?? undefined,
          },
  };
}
