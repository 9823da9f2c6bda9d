import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../errors';
import { aesKind } from '../kinds';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import { type Desk, discardAfter, readFlags, requireFree } from '../objects';
import { call } from '../return-values';
import { type WrappingKey, wrappingKey } from '../templates';
import { generateWrappedSecret } from './wrapped';

/** What a wrapping key is proven with. */
export interface WrapProof {
  readonly mechanism: number;
  readonly ivSource: 'random' | 'token';
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
  generateWrappedSecret({ ...desk, ivSource: proof.ivSource }, wrapper, aesKind);
}
