import { HsmError } from '../errors';
import { aesKind } from '../kinds';
import { isSecret, type Shape, shapeOf } from '../material/shapes';
import { usesOf } from '../material/templates';
import type { MaterialKind, MaterialSpec } from '../material-types';
import type { KeyClass } from '../objects';

/** What is known of all keys of one kind. There is one row a kind, so that rows compare by identity. */
export interface KeyRow {
  readonly kind: MaterialKind;
  readonly shape: Shape;
  /**
   * One use of a key in a local token takes about as long as a hop to a lane, and is made in the thread that took the
   * request (pkcs11-facts §4.8).
   */
  readonly quick: boolean;
}

const quickSpecs: ReadonlySet<MaterialSpec> = new Set<MaterialSpec>([
  'SYMMETRIC_DEFAULT',
  'HMAC_224',
  'HMAC_256',
  'HMAC_384',
  'HMAC_512',
  'ECC_NIST_P256',
  'ECC_NIST_EDWARDS25519',
]);

type SpecRows = Partial<Record<MaterialKind['usage'], KeyRow>>;

const rows: Partial<Record<MaterialSpec, SpecRows>> = {};

/** Throws `mechanism-missing` for a spec that no token is driven for, `failed` for a usage that the spec does not have. */
export function keyRow({ spec, usage }: MaterialKind): KeyRow {
  return rows[spec]?.[usage] ?? newRow({ spec, usage });
}

function newRow(kind: MaterialKind): KeyRow {
  const { spec, usage } = kind;
  // Throws where there is no such kind.
  usesOf(kind);
  const row = { kind, shape: shapeOf(spec), quick: quickSpecs.has(spec) };
  const usages = (rows[spec] ??= {});
  usages[usage] = row;
  return row;
}

/** What AES keys of Encrypt and Decrypt are. */
export const symmetricDefault = keyRow(aesKind);

/** Where keys of the row are looked for. */
export function classOf({ shape }: KeyRow): KeyClass {
  return isSecret(shape) ? 'secret' : 'private';
}

/** Throws where a key of this kind is not used so: the caller's mistake. */
export function requireUsage(row: KeyRow, usage: MaterialKind['usage']): void {
  if (row.kind.usage === usage) return;
  throw new HsmError('failed', `keys of ${row.kind.usage} are not for ${usage}`);
}
