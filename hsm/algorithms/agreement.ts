import * as pkcs11 from 'pkcs11js';
import { readAttribute } from '../calls';
import type { Curve } from '../curves';
import { HsmError } from '../errors';
import { readableSecret } from '../material/templates';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import { type Desk } from '../objects';
import { call } from '../return-values';
import { withObject } from '../wrap';

/**
 * CKM_ECDH1_DERIVE without a KDF: the x coordinate, as long as the curve's field. `peer` is an uncompressed point. The secret
 * is an object of the session until it was read.
 */
export function agreeWith(
  desk: Desk,
  key: Handle,
  { curve, peer }: { readonly curve: Curve; readonly peer: Buffer },
): Buffer {
  const parameter: pkcs11.ECDH1 = {
    type: pkcs11.CK_PARAMS_EC_DH,
    kdf: pkcs11.CKD_NULL,
    publicData: peer,
  };
  const mechanism = { mechanism: ckm.ECDH1_DERIVE, parameter };
  const shared = call('C_DeriveKey', () =>
    desk.library.C_DeriveKey(desk.session, mechanism, key, readableSecret(curve.bytes)),
  );
  const secret = withObject(desk, shared, () => readAttribute(desk, shared, pkcs11.CKA_VALUE));
  if (secret.length === curve.bytes) return secret;
  throw new HsmError('failed', 'C_DeriveKey: the secret is not as long as the curve asks for');
}
