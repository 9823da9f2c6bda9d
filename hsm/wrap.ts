import { HsmError } from './errors';
import type { KeyRow } from './algorithms/key-rows';
import { isOfKindAtLeast } from './key-kind';
import { isSecret } from './material/shapes';
import { usableMaterial, wrappableMaterial } from './material/templates';
import type { MaterialKind } from './material-types';
import type { Handle } from './module';
import { type Desk, destroyObject, discardAfter, isProtected } from './objects';
import { call } from './return-values';
import type { Template } from './templates';

/** How a token wraps key material, as a known answer proved it. */
export interface WrapMechanism {
  readonly name: string;
  readonly mechanism: number;
  readonly standard: 'RFC 5649' | 'RFC 3394';
  /** false: only material whose length is a multiple of 8 keeps its length. */
  readonly anyLength: boolean;
}

/** A wrapping key in the token, and the mechanism it is used with. */
export interface Wrapper {
  readonly mechanism: number;
  readonly key: Handle;
}

/** PKCS#8 of an RSA-4096 key is 2.4 KB. */
const longestWrapped = 8192;

/** Key wrap adds one block of 8 bytes (RFC 5649 §4.1); a blob of another length is no AES-256 key. */
export const wrappedAesBytes = 40;

export function wrapKey(desk: Desk, { mechanism, key }: Wrapper, object: Handle): Buffer {
  const { library, session } = desk;
  const buffer = Buffer.alloc(longestWrapped);
  const blob = call('C_WrapKey', () =>
    library.C_WrapKey(session, { mechanism }, key, object, buffer),
  );
  return Buffer.from(blob);
}

export function unwrapKey(
  desk: Desk,
  { mechanism, key }: Wrapper,
  wrapped: { blob: Buffer; template: Template },
): Handle {
  // SoftHSM takes an empty blob for a bad argument.
  if (wrapped.blob.length === 0) throw notUnwrapped('it is empty');
  return call('C_UnwrapKey', () =>
    desk.library.C_UnwrapKey(desk.session, { mechanism }, key, wrapped.blob, wrapped.template),
  );
}

function notUnwrapped(reason: string): HsmError {
  return new HsmError('material-invalid', `C_UnwrapKey: ${reason}`);
}

/** Wrapped material, what it should be, and the id that its object is given. */
export interface WrappedKey {
  readonly id: Buffer | undefined;
  readonly blob: Buffer;
  readonly row: KeyRow;
}

/**
 * A sensitive, non-extractable session object of wrapped material, under `id`. The token's own attributes are the
 * proof, read from every single object, as from every clone. CKA_VALUE_LEN is no proof of an AES key's size: SoftHSM
 * answers 0.
 */
export function unwrapMaterial(desk: Desk, wrapper: Wrapper, wrapped: WrappedKey): Handle {
  const { id, blob, row } = wrapped;
  if (row.shape.family === 'aes' && blob.length !== wrappedAesBytes) {
    throw notUnwrapped('wrapped material of this length is no AES-256 key');
  }
  const object = unwrapKey(desk, wrapper, { blob, template: usableMaterial(row.kind, id) });
  try {
    requireUnwrapped(desk, object, row);
    return object;
  } catch (error) {
    discardAfter(desk, object, error);
    throw error;
  }
}

/**
 * A secret is what the template made of it; a private key is what was wrapped. That it may be good for more does not matter
 * here: it is of this process alone, which asks it for nothing else.
 */
function requireUnwrapped(desk: Desk, object: Handle, row: KeyRow): void {
  if (!isProtected(desk, object)) {
    throw new HsmError(
      'failed',
      'C_UnwrapKey: the object is not as protected as it was asked to be',
    );
  }
  if (isSecret(row.shape) || isOfKindAtLeast(desk, object, row)) return;
  throw notUnwrapped(`the wrapped material is no ${row.kind.spec} key`);
}

/** Lends a session object that must not outlive its use. */
export function withObject<T>(desk: Desk, object: Handle, use: (object: Handle) => T): T {
  let result: T;
  try {
    result = use(object);
  } catch (error) {
    discardAfter(desk, object, error);
    throw error;
  }
  destroyObject(desk, object);
  return result;
}

/**
 * The same material under another wrapping key. Key wrap is deterministic, so the proof needs no use of the material:
 * what the new blob unwraps to has to give, under the old wrapping key, what the old blob's material gives.
 */
export function rewrapMaterial(
  desk: Desk,
  material: { blob: Buffer; kind: MaterialKind },
  wrappers: { from: Wrapper; to: Wrapper },
): Buffer {
  const { from, to } = wrappers;
  const template = (): Template => wrappableMaterial(material.kind);
  if (material.kind.spec === 'SYMMETRIC_DEFAULT' && material.blob.length !== wrappedAesBytes) {
    throw notUnwrapped('wrapped material of this length is no AES-256 key');
  }
  const old = unwrapKey(desk, from, { blob: material.blob, template: template() });
  return withObject(desk, old, () => {
    const blob = wrapKey(desk, to, old);
    const again = unwrapKey(desk, to, { blob, template: template() });
    const same = withObject(desk, again, () =>
      wrapKey(desk, from, again).equals(wrapKey(desk, from, old)),
    );
    if (same) return blob;
    throw new HsmError('failed', 'C_WrapKey: the new blob is not of the same material');
  });
}
