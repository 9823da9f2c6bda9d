import type * as pkcs11 from 'pkcs11js';
import { HsmError } from './errors';
import type { Handle } from './module';
import type { Desk } from './objects';
import { call } from './return-values';

/** One attribute's bytes. */
export function readAttribute(desk: Desk, object: Handle, type: number): Buffer {
  const [read] = call('C_GetAttributeValue', () =>
    desk.library.C_GetAttributeValue(desk.session, object, [{ type }]),
  );
  if (read === undefined) throw new HsmError('failed', 'C_GetAttributeValue: no answer');
  return read.value;
}

export interface SignRequest {
  readonly key: Handle;
  readonly mechanism: pkcs11.Mechanism;
  readonly data: Buffer;
}

const longestSignature = 512;

export function sign(desk: Desk, request: SignRequest): Buffer {
  call('C_SignInit', () => desk.library.C_SignInit(desk.session, request.mechanism, request.key));
  return call('C_Sign', () =>
    desk.library.C_Sign(desk.session, request.data, Buffer.alloc(longestSignature)),
  );
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
