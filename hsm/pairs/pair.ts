import { createPublicKey, type KeyObject } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { readAttribute } from '../calls';
import { HsmError } from '../errors';
import { type PairName, type PairTemplates, residence, residentObjects } from '../import/templates';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import {
  type Desk,
  destroyAll,
  destroyObject,
  discardAfter,
  findObjects,
  readFlags,
} from '../objects';
import { call, TokenFault } from '../return-values';
import { attributes, type Template } from '../templates';
import { type PairContext, type PairSpec, purposes } from './purposes';

export interface Pair {
  readonly privateKey: Handle;
  readonly publicKey: KeyObject;
}

/** A pair whose private half is in the token from the start. Leaves nothing behind where its proof fails. */
export function generatePair(context: PairContext, spec: PairSpec, name: PairName): KeyObject {
  requireUnused(context, name.id);
  const { templates } = purposes[spec.purpose];
  const made = generate(context, templates(spec.bits, name));
  try {
    if (!isProtected(context, made.privateKey)) throw unprotected();
    return proven(context, spec, made).publicKey;
  } catch (error) {
    discardAfter(context, made.privateKey, error);
    throw error;
  }
}

/** The slow half of it, all in this session: nothing in the token changes. */
export function preparePair(context: PairContext, spec: PairSpec): Pair {
  const { templates } = purposes[spec.purpose];
  const made = generate(context, templates(spec.bits, undefined));
  if (!isProtected(context, made.privateKey)) throw unprotected();
  return proven(context, spec, made);
}

/**
 * The other half: copies a prepared private key into the token and proves it there. False where the token does not make
 * such a copy.
 */
export function storePair(
  context: PairContext,
  { spec, pair }: { spec: PairSpec; pair: Pair },
  name: PairName,
): boolean {
  requireUnused(context, name.id);
  const copy = copyPrivateKey(context, pair.privateKey, residence(name));
  if (copy === undefined) return false;
  try {
    const [onToken] = readFlags(context, copy, [pkcs11.CKA_TOKEN]);
    if (onToken !== true) throw new HsmError('failed', 'C_CopyObject: the copy is no token object');
    purposes[spec.purpose].prove(context, { ...pair, privateKey: copy });
    return true;
  } catch (error) {
    discardAfter(context, copy, error);
    throw error;
  }
}

/** For as long as `context.session`; undefined as for a copy into the token. */
export function keepPrivateKey(context: PairContext, key: Handle): Handle | undefined {
  return copyPrivateKey(context, key, attributes([[pkcs11.CKA_TOKEN, false]]));
}

/** Undefined where the token refuses to copy it, or makes a copy that is less protected or of other uses. */
function copyPrivateKey(context: PairContext, key: Handle, template: Template): Handle | undefined {
  const copy = unlessRefused(context, () =>
    call('C_CopyObject', () => context.library.C_CopyObject(context.session, key, template)),
  );
  if (copy === undefined) return undefined;
  try {
    if (isProtected(context, copy) && hasSameUses(context, copy, key)) return copy;
  } catch (error) {
    discardAfter(context, copy, error);
    throw error;
  }
  destroyObject(context, copy);
  return undefined;
}

/** Tokens have many ways to say that they do not copy private keys; one that is in trouble is not among those. */
function unlessRefused<T>(context: PairContext, copy: () => T): T | undefined {
  try {
    return copy();
  } catch (error) {
    if (!(error instanceof TokenFault)) throw error;
    const { again, code, refused, suspect } = error.meaning;
    if (refused === true || code === 'mechanism-missing') return undefined;
    if (suspect !== true || again === true) throw error;
    context.assertHealthy();
    return undefined;
  }
}

function requireUnused(desk: Desk, id: Buffer): void {
  if (findObjects(desk, residentObjects(id), 1).length === 0) return;
  throw new HsmError('duplicate-key', `C_FindObjects: CKA_ID ${id.toString('hex')} is taken`);
}

function generate(
  desk: Desk,
  templates: PairTemplates,
): { readonly privateKey: Handle; readonly publicKey: Handle } {
  return call('C_GenerateKeyPair', () =>
    desk.library.C_GenerateKeyPair(
      desk.session,
      { mechanism: ckm.RSA_PKCS_KEY_PAIR_GEN },
      templates.publicKey,
      templates.privateKey,
    ),
  );
}

function proven(
  context: PairContext,
  spec: PairSpec,
  made: { readonly privateKey: Handle; readonly publicKey: Handle },
): Pair {
  const { privateKey } = made;
  const pair = { privateKey, publicKey: publicKeyOf(context, made.publicKey) };
  purposes[spec.purpose].prove(context, pair);
  return pair;
}

function publicKeyOf(desk: Desk, key: Handle): KeyObject {
  const read = (type: number): string => readAttribute(desk, key, type).toString('base64url');
  const jwk = { kty: 'RSA', n: read(pkcs11.CKA_MODULUS), e: read(pkcs11.CKA_PUBLIC_EXPONENT) };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

function isProtected(desk: Desk, key: Handle): boolean {
  const wanted = [pkcs11.CKA_PRIVATE, pkcs11.CKA_SENSITIVE, pkcs11.CKA_NEVER_EXTRACTABLE];
  const unwanted = [pkcs11.CKA_EXTRACTABLE, pkcs11.CKA_SIGN];
  return (
    readFlags(desk, key, wanted).every(Boolean) && !readFlags(desk, key, unwanted).some(Boolean)
  );
}

function unprotected(): HsmError {
  return new HsmError(
    'failed',
    'C_GenerateKeyPair: the new key is not as protected as was asked for',
  );
}

function hasSameUses(desk: Desk, copy: Handle, key: Handle): boolean {
  const uses = [pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP, pkcs11.CKA_DERIVE];
  const wanted = readFlags(desk, key, uses);
  return readFlags(desk, copy, uses).every((flag, at) => flag === wanted[at]);
}

/** Both halves, of whatever key type; the private one first. */
export function destroyPair(desk: Desk, id: Buffer): void {
  for (const objectClass of [pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY]) {
    destroyAll(desk, () => residentObjects(id, objectClass));
  }
}
