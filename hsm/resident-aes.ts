import * as pkcs11 from 'pkcs11js';
import { HsmError } from './errors';
import { openGcm, sealGcm } from './gcm';
import { ckm } from './mechanisms';
import type { Handle } from './module';
import { type Desk, discardAfter, isProtected, readFlags, requireFree } from './objects';
import { call } from './return-values';
import { residentAesKey, type ResidentAesKey } from './templates';

/** Generates a resident AES key, proves it and leaves nothing behind when the proof fails. */
export function generateAesKey(
  desk: Desk,
  key: ResidentAesKey,
  ivSource: 'random' | 'token',
): Handle {
  requireFree(desk, key.id);
  const handle = call('C_GenerateKey', () =>
    desk.library.C_GenerateKey(desk.session, { mechanism: ckm.AES_KEY_GEN }, residentAesKey(key)),
  );
  try {
    proveAttributes(desk, handle);
    proveUse(desk, handle, ivSource);
    return handle;
  } catch (error) {
    discardAfter(desk, handle, error);
    throw error;
  }
}

/**
 * CKA_LOCAL is not asked for: NSS answers 0 for keys it generated itself. CKA_NEVER_EXTRACTABLE says what it would
 * say, namely that the key was born here and never could leave.
 */
function proveAttributes(desk: Desk, key: Handle): void {
  const [onToken, neverExtractable] = readFlags(desk, key, [
    pkcs11.CKA_TOKEN,
    pkcs11.CKA_NEVER_EXTRACTABLE,
  ]);
  if (isProtected(desk, key) && onToken === true && neverExtractable === true) return;
  throw new HsmError(
    'failed',
    'C_GenerateKey: the new key is not the protected key that was asked for',
  );
}

/** A key half made by a killed process can be found but not used (pkcs11-facts §5), so a new key is used once. */
export function proveUse(desk: Desk, key: Handle, ivSource: 'random' | 'token'): void {
  const aad = Buffer.from('claviger key proof');
  const plaintext = Buffer.alloc(32, 0x5a);
  const where = { ...desk, key };
  const opened = openGcm(where, { ...sealGcm(where, { aad, plaintext, ivSource }), aad });
  if (!opened.equals(plaintext))
    throw new HsmError('failed', 'C_Decrypt: the key does not undo C_Encrypt');
}
