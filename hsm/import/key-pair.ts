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
import { importPair, type ImportPair, type PairTemplates, residentObjects } from './templates';

/** Generates the pair, proves it, and answers its public key. Leaves nothing behind where the proof fails. */
export function generateImportPair(context: ImportContext, pair: ImportPair): KeyObject {
  const wanted = { id: pair.id, templates: importPair(pair) };
  return generateRsaPair(context, wanted, ({ privateKey, publicKey }) => {
    if (rsaDecrypts(context, privateKey, publicKey)) return;
    throw new HsmError('failed', 'C_Decrypt: the private key is not that of the public key');
  });
}

/** A pair whose private half stays in the token, with what its purpose needs for a proof. */
export function generateRsaPair(
  desk: Desk,
  { id, templates }: { id: Buffer; templates: PairTemplates },
  prove: (pair: { privateKey: Handle; publicKey: KeyObject }) => void,
): KeyObject {
  if (findObjects(desk, residentObjects(id), 1).length > 0) {
    throw new HsmError('duplicate-key', `C_FindObjects: CKA_ID ${id.toString('hex')} is taken`);
  }
  const made = call('C_GenerateKeyPair', () =>
    desk.library.C_GenerateKeyPair(
      desk.session,
      { mechanism: ckm.RSA_PKCS_KEY_PAIR_GEN },
      templates.publicKey,
      templates.privateKey,
    ),
  );
  try {
    proveProtected(desk, made.privateKey);
    const publicKey = publicKeyOf(desk, made.publicKey);
    prove({ privateKey: made.privateKey, publicKey });
    return publicKey;
  } catch (error) {
    discardAfter(desk, made.privateKey, error);
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
