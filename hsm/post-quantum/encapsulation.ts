import * as pkcs11 from 'pkcs11js';
import { readAttribute } from '../calls';
import { HsmError } from '../errors';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import { type Desk, destroyObject, discardAfter } from '../objects';
import { call } from '../return-values';
import type { Template } from '../templates';
import { interface32 } from './interface';
import { CKA_ENCAPSULATE, CKA_PARAMETER_SET, CKK_ML_KEM } from './numbers';
import { type MlKem, sharedSecretBytes } from './parameter-sets';
import type { Encapsulation } from './public-key';

/** A secret of the session that is read and destroyed at once: it is the answer. */
function sharedSecret(): Template {
  return [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
    { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_GENERIC_SECRET },
    { type: pkcs11.CKA_VALUE_LEN, value: sharedSecretBytes },
    { type: pkcs11.CKA_TOKEN, value: false },
    { type: pkcs11.CKA_SENSITIVE, value: false },
    { type: pkcs11.CKA_EXTRACTABLE, value: true },
  ];
}

/** C_EncapsulateKey with a public key that becomes an object of the session for it. */
export function encapsulate(desk: Desk, set: MlKem, publicKey: Buffer): Encapsulation {
  const { library, session } = desk;
  const functions = interface32(library);
  const object = call('C_CreateObject', () =>
    library.C_CreateObject(session, [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_PUBLIC_KEY },
      { type: pkcs11.CKA_KEY_TYPE, value: CKK_ML_KEM },
      { type: CKA_PARAMETER_SET, value: set.parameterSet },
      { type: pkcs11.CKA_TOKEN, value: false },
      { type: CKA_ENCAPSULATE, value: true },
      { type: pkcs11.CKA_VALUE, value: publicKey },
    ]),
  );
  return discarding(desk, object, () => {
    const { key, ciphertext } = functions.encapsulate(session, ckm.ML_KEM, {
      ...{ publicKey: object, template: sharedSecret(), bytes: set.ciphertextBytes },
    });
    const secret = readSecret(desk, key);
    if (ciphertext.length === set.ciphertextBytes) return { sharedSecret: secret, ciphertext };
    secret.fill(0);
    throw new HsmError('failed', 'C_EncapsulateKey: the ciphertext has another length');
  });
}

/**
 * C_DecapsulateKey. A ciphertext that was not made for the key gives another secret and no error: FIPS 203's implicit
 * rejection. One of another length is refused here, as Kryoptic answers it with CKR_DEVICE_ERROR.
 */
export function decapsulate(
  desk: Desk,
  set: MlKem,
  { privateKey, ciphertext }: { readonly privateKey: Handle; readonly ciphertext: Buffer },
): Buffer {
  requireCiphertext(set, ciphertext);
  const key = interface32(desk.library).decapsulate(desk.session, ckm.ML_KEM, {
    ...{ privateKey, template: sharedSecret(), ciphertext },
  });
  return readSecret(desk, key);
}

export function requireCiphertext(set: MlKem, ciphertext: Buffer): void {
  if (ciphertext.length === set.ciphertextBytes) return;
  throw new HsmError('ciphertext-invalid', 'C_DecapsulateKey: not as long as a ciphertext is');
}

function readSecret(desk: Desk, key: Handle): Buffer {
  return discarding(desk, key, () => {
    const secret = readAttribute(desk, key, pkcs11.CKA_VALUE);
    if (secret.length === sharedSecretBytes) return secret;
    throw new HsmError('failed', 'C_GetAttributeValue: the shared secret has another length');
  });
}

function discarding<T>(desk: Desk, object: Handle, work: () => T): T {
  let result: T;
  try {
    result = work();
  } catch (error) {
    discardAfter(desk, object, error);
    throw error;
  }
  destroyObject(desk, object);
  return result;
}
