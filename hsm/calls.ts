import type * as pkcs11 from 'pkcs11js';
import { HsmError } from './errors';
import type { Handle } from './module';
import type { Desk } from './objects';
import { call, faultOf } from './return-values';

/** One attribute's bytes. */
export function readAttribute(desk: Desk, object: Handle, type: number): Buffer {
  const [read] = call('C_GetAttributeValue', () =>
    desk.library.C_GetAttributeValue(desk.session, object, [{ type }]),
  );
  if (read === undefined) throw new HsmError('failed', 'C_GetAttributeValue: no answer');
  return read.value;
}

/** CK_ULONG; of no number that matters here are more than 6 bytes used. Undefined where it is none. */
export function readNumber(desk: Desk, object: Handle, type: number): number | undefined {
  const value = readAttribute(desk, object, type);
  return value.length >= 6 ? value.readUIntLE(0, 6) : undefined;
}

export interface SignRequest {
  readonly key: Handle;
  readonly mechanism: pkcs11.Mechanism;
  readonly data: Buffer;
  /** Bytes of the signature at the most; those of RSA-4096 where left out. */
  readonly longest?: number | undefined;
}

const longestSignature = 512;

export function sign(desk: Desk, request: SignRequest): Buffer {
  const { key, mechanism, data, longest = longestSignature } = request;
  let fn = 'C_SignInit';
  try {
    desk.library.C_SignInit(desk.session, mechanism, key);
    fn = 'C_Sign';
    return desk.library.C_Sign(desk.session, data, Buffer.alloc(longest));
  } catch (thrown) {
    throw faultOf(fn, thrown);
  }
}

export interface CipherRequest {
  readonly key: Handle;
  readonly mechanism: pkcs11.Mechanism;
  readonly data: Buffer;
}

/** Of mechanisms whose output is no longer than their input. */
export function encrypt(desk: Desk, request: CipherRequest): Buffer {
  const { key, mechanism, data } = request;
  call('C_EncryptInit', () => desk.library.C_EncryptInit(desk.session, mechanism, key));
  return call('C_Encrypt', () =>
    desk.library.C_Encrypt(desk.session, data, Buffer.alloc(data.length)),
  );
}

/** As encrypt. */
export function decrypt(desk: Desk, request: CipherRequest): Buffer {
  const { key, mechanism, data } = request;
  call('C_DecryptInit', () => desk.library.C_DecryptInit(desk.session, mechanism, key));
  return call('C_Decrypt', () =>
    desk.library.C_Decrypt(desk.session, data, Buffer.alloc(data.length)),
  );
}
