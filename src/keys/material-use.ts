import { type Awaitable } from '../awaitable';
import { HsmError, type MaterialKey, type MaterialKind } from '../../hsm';
import { KmsError } from '../errors';
import type { Key } from './key';
import { type Material, isAway } from './material';

/** The key as the database has it now. */
export type Reread = (keyId: string) => Promise<Key | undefined>;

interface Parts {
  readonly reread: Reread;
}

/** Uses of keys that have one material for all their life: every spec but SYMMETRIC_DEFAULT. */
export class MaterialUses {
  constructor(private readonly parts: Parts) {}

  /** Throws KMSInvalidStateException where the material is not there. */
  async use<T>(key: Key, work: (material: MaterialKey) => Awaitable<T>): Promise<T> {
    const material = requireMaterial(key);
    const kind = materialKind(key);
    try {
      return await work({ id: material.id, wrapped: material.wrapped, kind });
    } catch (error) {
      const { id, wrapped } = await rewrapped({ ...this.parts, key, material }, error);
      return await work({ id, wrapped, kind });
    }
  }
}

/** The material that a key encrypts, signs or computes with. Throws KMSInvalidStateException where it is not there. */
export function requireMaterial(key: Key): Material {
  const material = key.currentMaterial;
  if (material === undefined || isAway(material)) throw pendingImport(key);
  return material;
}

export function pendingImport({ arn }: Key): KmsError {
  return new KmsError('KMSInvalidStateException', `${arn} is pending import.`);
}

/** What the token calls a key of this spec and usage. CreateKey makes none of a spec that no token has. */
export function materialKind({
  keySpec,
  keyUsage,
}: Pick<Key, 'keySpec' | 'keyUsage'>): MaterialKind {
  if (keySpec === 'SM2') throw new Error('no token has SM2 keys');
  return { spec: keySpec, usage: keyUsage };
}

/**
 * The material as the database has it, where that is under another wrapping key than the one that the token lacks: it was
 * rotated, and the old one destroyed, after the worker read the key. Throws the error where that is not why.
 */
export async function rewrapped(
  { reread, key, material }: Parts & { readonly key: Key; readonly material: Material },
  error: unknown,
): Promise<Material> {
  const { id, wrapped } = material;
  if (wrapped === undefined || !(error instanceof HsmError) || error.code !== 'key-not-found') {
    throw error;
  }
  const now = (await reread(key.keyId))?.materials.get(id);
  if (now?.wrapped === undefined || now.wrapped.wrappingKeyId === wrapped.wrappingKeyId)
    throw error;
  return now;
}
