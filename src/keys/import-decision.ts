import { KmsError } from '../errors';
import type { ImportType } from '../shapes/kms.generated';
import type { Key } from './key';
import { type Material, isAssociated } from './material';

/** What the material of an import is to its key. */
export type ImportDecision =
  /** Its first. */
  | { readonly kind: 'first' }
  /** Another one, which waits for a rotation. */
  | { readonly kind: 'new' }
  /** One that it has, or had. */
  | { readonly kind: 'again'; readonly material: Material };

/** What was asked for, and what the material turned out to be. */
export interface AskedImport {
  readonly materialId: string;
  readonly importType: ImportType | undefined;
  /** Which material the request says it is. */
  readonly expectedId: string | undefined;
}

/**
 * kms-semantics §9.2. Throws IncorrectKeyMaterialException for material that is not what was asked for, and
 * KMSInvalidStateException where another one waits for its rotation.
 */
export function decideImport(
  key: Pick<Key, 'arn' | 'keySpec' | 'materials'>,
  { materialId, importType, expectedId }: AskedImport,
): ImportDecision {
  const { materials } = key;
  const material = materials.get(materialId);
  const isFirst = materials.size === 0;
  const wanted =
    importType ??
    (isFirst && expectedId === undefined ? 'NEW_KEY_MATERIAL' : 'EXISTING_KEY_MATERIAL');
  if (wanted === 'EXISTING_KEY_MATERIAL') {
    const expected = expectedId === undefined || expectedId === materialId;
    if (material === undefined || !expected) throw incorrectMaterial();
    return { kind: 'again', material };
  }
  if (material !== undefined) throw incorrectMaterial();
  if (isFirst) return { kind: 'first' };
  requireNonePending(key, materialId);
  return { kind: 'new' };
}

/** As AWS says it, found by recording it (kms-semantics §9.2). */
function requireNonePending({ arn, materials }: Pick<Key, 'arn' | 'materials'>, id: string): void {
  for (const material of materials.values()) {
    if (isAssociated(material)) continue;
    throw new KmsError(
      'KMSInvalidStateException',
      `New key material (id: ${id}) cannot be imported into KMS key ${arn}, because another key material (id: ${material.id}) is pending rotation.`,
    );
  }
}

function incorrectMaterial(): KmsError {
  return new KmsError('IncorrectKeyMaterialException');
}
