import * as pkcs11 from 'pkcs11js';
import { readAttribute } from '../calls';
import { HsmError } from '../errors';
import type { ImportAlgorithm } from '../import-types';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { OaepHash } from '../oaep';
import { oaepMechanism } from '../oaep-mechanism';
import { destroyObject } from '../objects';
import { call } from '../return-values';
import type { Template } from '../templates';
import type { ImportContext } from './context';
import { type Envelope, openEnvelope } from './envelope';
import { isOfTheData, isOfTheTemplate, isRefused, notUnwrapped, wrongMaterial } from './faults';
import { reseal } from './in-memory';
import { sessionKek, wrappableSecret } from '../material/templates';

const algorithms = {
  RSAES_OAEP_SHA_1: { hash: 'sha1', keyWrap: false },
  RSAES_OAEP_SHA_256: { hash: 'sha256', keyWrap: false },
  RSA_AES_KEY_WRAP_SHA_1: { hash: 'sha1', keyWrap: true },
  RSA_AES_KEY_WRAP_SHA_256: { hash: 'sha256', keyWrap: true },
} as const satisfies Record<ImportAlgorithm, { hash: OaepHash; keyWrap: boolean }>;

export interface Sealed {
  /** Private key that the material, or the key that wraps it, is encrypted to. */
  readonly key: Handle;
  readonly algorithm: ImportAlgorithm;
  readonly encrypted: Buffer;
}

/**
 * RSA_AES_KEY_WRAP (PKCS#11 CKM_RSA_AES_KEY_WRAP) is an AES key under OAEP, followed by the material under RFC 5649 with
 * that key. It is opened in these two steps: pkcs11js cannot pass the mechanism's parameter, which points to another
 * structure, and the AES key never leaves the token in two steps either where the token undoes the OAEP.
 */
export function envelopeOf(context: ImportContext, sealed: Sealed): Envelope {
  const { hash, keyWrap } = algorithms[sealed.algorithm];
  const { key, encrypted } = sealed;
  const rsaBytes = readAttribute(context, key, pkcs11.CKA_MODULUS).length;
  if (!keyWrap) {
    if (encrypted.length !== rsaBytes) {
      throw new HsmError('import-size', 'imported key material: not as long as the modulus');
    }
    return oaepEnvelope(context, { key, encrypted, hash });
  }
  const [head, blob] = [encrypted.subarray(0, rsaBytes), encrypted.subarray(rsaBytes)];
  const mechanism = requireKeyWrap(context);
  if (blob.length < shortestWrapped || blob.length % 8 !== 0) throw notUnwrapped();
  return { mechanism: { mechanism }, blob, ...openKek(context, { key, encrypted: head, hash }) };
}

/** RFC 5649 §4.1: the initial value and one block. */
const shortestWrapped = 16;

export function requireKeyWrap(context: Pick<ImportContext, 'ways'>): number {
  const { keyWrap } = context.ways;
  if (typeof keyWrap === 'number') return keyWrap;
  throw new HsmError('mechanism-missing', keyWrap);
}

/** Throws `mechanism-missing` where nothing that is wrapped so could be opened: before anybody is asked to wrap it. */
export function requireImportAlgorithm(
  context: Pick<ImportContext, 'ways' | 'softwareUnwrap'>,
  algorithm: ImportAlgorithm,
): void {
  const { hash, keyWrap } = algorithms[algorithm];
  const where = requireOaep(context, hash);
  if (keyWrap || where === 'memory') requireKeyWrap(context);
}

function oaepEnvelope(
  context: ImportContext,
  sealed: { key: Handle; encrypted: Buffer; hash: OaepHash },
): Envelope {
  if (requireOaep(context, sealed.hash) === 'memory') return resealed(context, sealed);
  return { mechanism: oaepMechanism(sealed.hash), key: sealed.key, blob: sealed.encrypted };
}

function requireOaep(
  { ways, softwareUnwrap }: Pick<ImportContext, 'ways' | 'softwareUnwrap'>,
  hash: OaepHash,
): 'token' | 'memory' {
  const way = ways.oaep[hash];
  if (way.where === 'token' || (way.where === 'memory' && softwareUnwrap)) return way.where;
  throw new HsmError('mechanism-missing', `the token lacks ${way.missing}`);
}

function resealed(
  context: ImportContext,
  sealed: { key: Handle; encrypted: Buffer; hash: OaepHash },
): Envelope {
  try {
    return reseal(context, sealed, requireKeyWrap(context));
  } catch (error) {
    throw isOfTheData(error, context.assertHealthy) ? notUnwrapped() : error;
  }
}

/**
 * The key that wraps the material. Where it does not decrypt, another one takes its place, as in TLS 1.2 (RFC 5246
 * §7.4.7.1): the same steps follow and end in the same error, so that the time taken does not tell which of the two was
 * tampered with.
 */
function openKek(
  context: ImportContext,
  sealed: { key: Handle; encrypted: Buffer; hash: OaepHash },
): { key: Handle; broken: boolean } {
  try {
    const envelope = oaepEnvelope(context, sealed);
    return { key: openEnvelope(context, envelope, sessionKek('unwrap', {})), broken: false };
  } catch (error) {
    if (!isImportFault(error) && !isOfTheData(error, context.assertHealthy)) throw error;
    return { key: generateKek(context, 'unwrap'), broken: true };
  }
}

function isImportFault(error: unknown): boolean {
  return (
    error instanceof HsmError &&
    (error.code === 'import-not-unwrapped' || error.code === 'import-material-wrong')
  );
}

/** An AES-256 key of this session. */
export function generateKek(context: ImportContext, use: 'wrap' | 'unwrap'): Handle {
  const { library, session } = context;
  return call('C_GenerateKey', () =>
    library.C_GenerateKey(
      session,
      { mechanism: ckm.AES_KEY_GEN },
      sessionKek(use, { bytes: kekBytes }),
    ),
  );
}

const kekBytes = 32;

/** Opens it as what it should be. One that opens as something else only is `import-material-wrong`. */
export function openMaterial(
  context: ImportContext,
  envelope: Envelope,
  template: Template,
): Handle {
  try {
    const object = openEnvelope(context, envelope, template);
    if (envelope.broken !== true) return object;
  } catch (error) {
    if (!isDoubtful(error, context)) throw error;
    if (opensAtAll(context, envelope) && envelope.broken !== true) throw verdict(error, context);
  }
  throw notUnwrapped();
}

/** What opens as something else: wrong, unless the token cannot have keys of its kind in this way. */
function verdict(error: unknown, context: ImportContext): unknown {
  if (isOfTheTemplate(error)) {
    return new HsmError(
      'mechanism-missing',
      `the token unwraps no keys of this kind (${error.message})`,
    );
  }
  return isOfTheData(error, context.assertHealthy) || isRefused(error) ? wrongMaterial() : error;
}

function opensAtAll(context: ImportContext, envelope: Envelope): boolean {
  try {
    destroyObject(context, openEnvelope(context, envelope, wrappableSecret()));
    return true;
  } catch (error) {
    if (isDoubtful(error, context)) return false;
    throw error;
  }
}

/** The mechanism is proven, so that even a refusal of it is about what it was given: a key of 17 bytes, say. */
function isDoubtful(error: unknown, context: ImportContext): boolean {
  if (isOfTheData(error, context.assertHealthy) || isRefused(error)) return true;
  return error instanceof HsmError && error.code === 'mechanism-missing';
}
