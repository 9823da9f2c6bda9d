import * as pkcs11 from 'pkcs11js';
import { HsmError } from './errors';
import { openGcm, sealGcm } from './gcm';
import { isSecret, type KeyRow, symmetricDefault } from './algorithms/key-rows';
import { usableMaterial, wrappableMaterial } from './import/templates';
import { isOfKind } from './key-kind';
import type { MaterialKind } from './material-types';
import { ckm } from './mechanisms';
import type { Handle } from './module';
import {
  type Desk,
  destroyObject,
  discardAfter,
  isProtected,
  readFlags,
  requireFree,
} from './objects';
import { call } from './return-values';
import { extractableAesKey, type Template, type WrappingKey, wrappingKey } from './templates';

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

/** What a wrapping key is proven with. */
export interface WrapProof {
  readonly mechanism: number;
  readonly ivSource: 'random' | 'token';
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

/** A secret is what the template made of it; a private key is what was wrapped. */
function requireUnwrapped(desk: Desk, object: Handle, row: KeyRow): void {
  if (!isProtected(desk, object)) {
    throw new HsmError(
      'failed',
      'C_UnwrapKey: the object is not as protected as it was asked to be',
    );
  }
  if (isSecret(row.shape) || isOfKind(desk, object, row)) return;
  throw notUnwrapped(`the wrapped material is no ${row.kind.spec} key`);
}

/** Generates a wrapping key, proves it and leaves nothing behind when the proof fails. */
export function generateWrappingKey(desk: Desk, key: WrappingKey, proof: WrapProof): void {
  requireFree(desk, key.id);
  const made = call('C_GenerateKey', () =>
    desk.library.C_GenerateKey(desk.session, { mechanism: ckm.AES_KEY_GEN }, wrappingKey(key)),
  );
  try {
    proveWrappingKey(desk, { ...key, object: made }, proof);
  } catch (error) {
    discardAfter(desk, made, error);
    throw error;
  }
}

/** A key half made by a killed process can be found but not used (pkcs11-facts §5), so it wraps a key once. */
export function proveWrappingKey(
  desk: Desk,
  key: WrappingKey & { readonly object: Handle },
  proof: WrapProof,
): void {
  const [onToken, sensitive, extractable] = readFlags(desk, key.object, [
    pkcs11.CKA_TOKEN,
    pkcs11.CKA_SENSITIVE,
    pkcs11.CKA_EXTRACTABLE,
  ]);
  if (onToken !== true || sensitive !== true || extractable !== key.exportable) {
    throw new HsmError('failed', 'the new wrapping key is not as protected as it was asked to be');
  }
  const wrapper = { mechanism: proof.mechanism, key: key.object };
  generateWrappedAesKey(desk, wrapper, proof.ivSource);
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
 * Wrapped material of a new AES key. The key is extractable from its birth until it is wrapped, or the token would not
 * wrap it, and readable never. CKA_WRAP_WITH_TRUSTED would tie it to wrapping keys that the security officer
 * has marked CKA_TRUSTED; a daemon that logs in as user has no such keys.
 */
export function generateWrappedAesKey(
  desk: Desk,
  wrapper: Wrapper,
  ivSource: 'random' | 'token',
): Buffer {
  const born = call('C_GenerateKey', () =>
    desk.library.C_GenerateKey(desk.session, { mechanism: ckm.AES_KEY_GEN }, extractableAesKey()),
  );
  return withObject(desk, born, () => {
    const blob = wrapKey(desk, wrapper, born);
    const again = unwrapMaterial(desk, wrapper, { id: undefined, blob, row: symmetricDefault });
    withObject(desk, again, () => proveSame(desk, { born, again }, ivSource));
    return blob;
  });
}

/** What nobody can read is known by its use: one seals, the other opens. */
function proveSame(
  desk: Desk,
  keys: { born: Handle; again: Handle },
  ivSource: 'random' | 'token',
): void {
  const aad = Buffer.from('claviger wrapped key proof');
  const plaintext = Buffer.alloc(32, 0x5a);
  const sealed = sealGcm({ ...desk, key: keys.born }, { aad, plaintext, ivSource });
  const opened = openGcm({ ...desk, key: keys.again }, { ...sealed, aad });
  if (opened.equals(plaintext)) return;
  throw new HsmError('failed', 'C_UnwrapKey: the unwrapped key is not the wrapped one');
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
