import * as pkcs11 from 'pkcs11js';
import { readNumber, sign } from '../calls';
import { HsmError } from '../errors';
import type { Handle } from '../module';
import { withObject, wrapKey } from '../wrap';
import type { ImportContext } from './context';
import { type Envelope, openEnvelope } from './envelope';
import { isRefused, wrongMaterial } from './faults';
import { generateKek, requireKeyWrap } from './open';
import type { Aes, Hmac } from '../material/shapes';
import { wrappableSecret } from '../material/templates';

/**
 * Whether a secret has the length of its kind, found out in the token. `key` is the opened object.
 *
 * A token that keeps CKA_VALUE_LEN of what it unwraps is asked. SoftHSM answers 0: there, the secret is wrapped again
 * under a key of this moment, and the length of that tells it up to 8 bytes (RFC 5649 §4.1). An AES key is fixed by that:
 * 16, 24 and 32 bytes differ by 8. An HMAC key that is too short is refused by the HMAC itself, so that only
 * HMAC_224 is left, whose 28 bytes are no multiple of 8: 32 are told by the next HMAC, and 29 to 31 are let in.
 */
export function requireLength(
  context: ImportContext,
  envelope: Envelope,
  { shape, key }: { shape: Aes | Hmac; key: Handle },
): void {
  const told = envelope.bytes ?? withSecret(context, envelope, toldLength);
  if (told > 0 && told !== shape.bytes) throw wrongMaterial();
  if (told > 0) return;
  const wrapped = withSecret(context, envelope, wrappedLength);
  if (wrapped !== Math.ceil(shape.bytes / 8) * 8 + 8) throw wrongMaterial();
  if (shape.family === 'hmac') refuseLonger(context, shape, key);
}

function withSecret(
  context: ImportContext,
  envelope: Envelope,
  use: (context: ImportContext, object: Handle) => number,
): number {
  const object = openEnvelope(context, envelope, wrappableSecret());
  return withObject(context, object, () => use(context, object));
}

function toldLength(context: ImportContext, object: Handle): number {
  try {
    return readNumber(context, object, pkcs11.CKA_VALUE_LEN) ?? 0;
  } catch (error) {
    if (isRefused(error)) return 0;
    throw error;
  }
}

function wrappedLength(context: ImportContext, object: Handle): number {
  const wrapper = { mechanism: requireKeyWrap(context), key: generateKek(context, 'wrap') };
  try {
    return wrapKey(context, wrapper, object).length;
  } catch (error) {
    // Nothing at all cannot be wrapped.
    if (error instanceof HsmError && error.code === 'failed') return 0;
    throw error;
  }
}

function refuseLonger(context: ImportContext, { longerMac }: Hmac, key: Handle): void {
  if (longerMac === undefined) return;
  try {
    sign(context, { key, mechanism: { mechanism: longerMac }, data: Buffer.alloc(1) });
  } catch (error) {
    if (isRefused(error)) return;
    throw error;
  }
  throw wrongMaterial();
}
