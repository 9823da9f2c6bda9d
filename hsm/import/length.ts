import * as pkcs11 from 'pkcs11js';
import { readAttribute, sign } from '../calls';
import { HsmError } from '../errors';
import type { Handle } from '../module';
import { destroyObject } from '../objects';
import { call } from '../return-values';
import type { ImportContext } from './context';
import { type Envelope, openEnvelope } from './envelope';
import { isRefused, wrongMaterial } from './faults';
import { generateKek, requireKeyWrap } from './open';
import type { Aes, Hmac } from './shapes';
import { wrappableSecret } from './templates';

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
  const object = openEnvelope(context, envelope, wrappableSecret());
  const told = toldLength(context, object);
  const wrapped = told === 0 ? wrappedLength(context, object) : undefined;
  destroyObject(context, object);
  const right =
    wrapped === undefined ? told === shape.bytes : wrapped === Math.ceil(shape.bytes / 8) * 8 + 8;
  if (!right) throw wrongMaterial();
  if (wrapped !== undefined && shape.family === 'hmac') refuseLonger(context, shape, key);
}

function toldLength(context: ImportContext, object: Handle): number {
  try {
    const value = readAttribute(context, object, pkcs11.CKA_VALUE_LEN);
    // CK_ULONG; of no length that matters here are more than 6 bytes used.
    return value.length >= 6 ? value.readUIntLE(0, 6) : 0;
  } catch (error) {
    if (isRefused(error)) return 0;
    throw error;
  }
}

const longestWrapped = 8192;

function wrappedLength(context: ImportContext, object: Handle): number {
  const { library, session } = context;
  const kek = generateKek(context, 'wrap');
  const mechanism = { mechanism: requireKeyWrap(context) };
  try {
    return call('C_WrapKey', () =>
      library.C_WrapKey(session, mechanism, kek, object, Buffer.alloc(longestWrapped)),
    ).length;
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
