import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../errors';
import { proveWrappingKey, type WrapProof } from '../generate/wrapping-key';
import { sessionKek } from '../material/templates';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import { type Desk, discardAfter, requireFree } from '../objects';
import { call } from '../return-values';
import {
  extractableAesKey,
  importedWrappingKey,
  type Template,
  type WrappingKey,
} from '../templates';
import { withObject, wrappedAesBytes, wrapKey } from '../wrap';
import { entriesOf, type Entry, missing, unwrapEntry } from './entries';

export interface Received {
  readonly key: WrappingKey;
  readonly transferKey: Handle;
  /** As exportKey made it. */
  readonly wrapped: Buffer;
  /** Throws when the token, and not what it was given, is the reason of a failure. */
  readonly assertHealthy: () => void;
}

/** Unwraps the key into a token object and proves it. Leaves nothing behind where the proof fails. */
export function receiveKey(desk: Desk, received: Received, proof: WrapProof): void {
  const { key, transferKey } = received;
  requireFree(desk, key.id);
  const entry = chooseEntry(desk, received, proof);
  const made = unwrapEntry(desk, transferKey, { entry, template: importedWrappingKey(key) });
  try {
    proveWrappingKey(desk, { ...key, object: made }, proof);
  } catch (error) {
    discardAfter(desk, made, error);
    throw error;
  }
}

/** The first that unwraps. That a hash is missing says less than data that do not unwrap. */
function chooseEntry(desk: Desk, received: Received, proof: WrapProof): Entry {
  const errors: HsmError[] = [];
  for (const entry of entriesOf(received.wrapped)) {
    try {
      const template = extractableSecret();
      const object = unwrapEntry(desk, received.transferKey, { entry, template });
      withObject(desk, object, () => requireSize(desk, object, proof));
      return entry;
    } catch (error) {
      if (!(error instanceof HsmError)) throw error;
      errors.push(error);
    }
  }
  received.assertHealthy();
  const invalid = errors.find(({ code }) => code === 'material-invalid');
  throw invalid ?? missing(errors.map(({ message }) => message));
}

/**
 * A wrapping key of fewer bits would weaken all that it wraps, and no attribute tells (SoftHSM: CKA_VALUE_LEN is 0). How
 * long it is when it is wrapped itself does.
 */
function requireSize(desk: Desk, object: Handle, { mechanism }: WrapProof): void {
  const kek = call('C_GenerateKey', () =>
    desk.library.C_GenerateKey(
      desk.session,
      { mechanism: ckm.AES_KEY_GEN },
      sessionKek('wrap', { bytes: 32 }),
    ),
  );
  const wrapped = withObject(desk, kek, () => wrapKey(desk, { mechanism, key: kek }, object));
  if (wrapped.length === wrappedAesBytes) return;
  throw new HsmError('material-invalid', 'C_UnwrapKey: the wrapping key is not of 256 bits');
}

/** An AES key for no use but to be wrapped again. */
function extractableSecret(): Template {
  const uses: readonly number[] = [pkcs11.CKA_ENCRYPT, pkcs11.CKA_DECRYPT];
  return extractableAesKey()
    .filter(({ type }) => type !== pkcs11.CKA_VALUE_LEN)
    .map(({ type, value }) => ({ type, value: uses.includes(type) ? false : value }));
}
