import { createPublicKey, type KeyObject } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { readAttribute } from '../calls';
import { HsmError } from '../errors';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import { type Desk, destroyAll, discardAfter, findObjects, readFlags } from '../objects';
import { call } from '../return-values';
import type { ImportContext } from './context';
import { rsaDecrypts } from './proofs';
import { importPair, type ImportPair, residentObjects } from './templates';

/** Generates the pair, proves it, and answers its public key. Leaves nothing behind where the proof fails. */
export function generateImportPair(context: ImportContext, pair: ImportPair): KeyObject {
  if (findObjects(context, residentObjects(pair.id), 1).length > 0) {
    throw new HsmError(
      'duplicate-key',
      `C_FindObjects: CKA_ID ${pair.id.toString('hex')} is taken`,
    );
  }
  const templates = importPair(pair);
  const made = call('C_GenerateKeyPair', () =>
    context.library.C_GenerateKeyPair(
      context.session,
      { mechanism: ckm.RSA_PKCS_KEY_PAIR_GEN },
      templates.publicKey,
      templates.privateKey,
    ),
  );
  try {
    proveProtected(context, made.privateKey);
    const publicKey = publicKeyOf(context, made.publicKey);
    if (rsaDecrypts(context, made.privateKey, publicKey)) return publicKey;
    throw new HsmError('failed', 'C_Decrypt: the private key is not that of the public key');
  } catch (error) {
    discardAfter(context, made.privateKey, error);
    throw error;
  }
}

function publicKeyOf(desk: Desk, key: Handle): KeyObject {
  const read = (type: number): string => readAttribute(desk, key, type).toString('base64url');
  const jwk = { kty: 'RSA', n: read(pkcs11.CKA_MODULUS), e: read(pkcs11.CKA_PUBLIC_EXPONENT) };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

function proveProtected(desk: Desk, key: Handle): void {
  const wanted = [pkcs11.CKA_TOKEN, pkcs11.CKA_SENSITIVE, pkcs11.CKA_NEVER_EXTRACTABLE];
  const unwanted = [pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_SIGN];
  const right =
    readFlags(desk, key, wanted).every(Boolean) && !readFlags(desk, key, unwanted).some(Boolean);
  if (right) return;
  throw new HsmError(
    'failed',
    'C_GenerateKeyPair: the new key is not as protected as was asked for',
  );
}

/** Both halves, of whatever key type; the private one first. */
export function destroyPair(desk: Desk, id: Buffer): void {
  for (const objectClass of [pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY]) {
    destroyAll(desk, () => residentObjects(id, objectClass));
  }
}
