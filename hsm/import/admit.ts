import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../errors';
import type { ImportAlgorithm } from '../import-types';
import type { MaterialKind, TokenKeyId } from '../material-types';
import type { Handle } from '../module';
import { discardAfter, findObjects, readFlags, requireFound } from '../objects';
import { unwrapKey, withObject, wrapKey, type Wrapper } from '../wrap';
import type { ImportContext } from './context';
import { type Envelope, openEnvelope } from './envelope';
import { isOfTheData, wrongMaterial } from './faults';
import { identify, type Identity } from './identity';
import { requireLength } from './length';
import { envelopeOf, openMaterial } from './open';
import { provesPrivate } from './proofs';
import { keyRow } from '../algorithms/key-rows';
import { isOfKind } from '../key-kind';
import { shapeOf } from '../material/shapes';
import {
  importPrivateKeys,
  provableMaterial,
  residentMaterial,
  residentObjects,
  wrappableMaterial,
} from '../material/templates';

/** ImportedKey as it came to the lane. */
export interface Imported {
  readonly importKeyId: Buffer;
  readonly algorithm: ImportAlgorithm;
  readonly encrypted: Buffer;
  readonly kind: MaterialKind;
  readonly keyId: string;
}

interface Proven {
  readonly envelope: Envelope;
  readonly identity: Identity;
}

/** Which material it is, proven by an object of this session. */
export function proveImport(context: ImportContext, imported: Imported): Proven {
  const { kind, algorithm, encrypted } = imported;
  const key = findImportKey(context, imported.importKeyId);
  const envelope = envelopeOf(context, { key, algorithm, encrypted });
  const object = openMaterial(context, envelope, provableMaterial(kind));
  const shape = shapeOf(kind.spec);
  if (shape.family === 'aes' || shape.family === 'hmac') {
    requireLength(context, envelope, { shape, key: object });
  }
  return { envelope, identity: identifyOrRefuse(context, object, imported) };
}

function findImportKey(context: ImportContext, id: Buffer): Handle {
  const [key, second] = findObjects(context, importPrivateKeys(id), 2);
  if (second !== undefined) {
    throw new HsmError('duplicate-key', 'C_FindObjects: two import key pairs have one CKA_ID');
  }
  return requireFound(key, context.assertHealthy, 'import key pair');
}

/** A private key that the token parses and cannot use is wrong material, too. */
function identifyOrRefuse(context: ImportContext, object: Handle, imported: Imported): Identity {
  try {
    return identify(context, object, imported);
  } catch (error) {
    throw isOfTheData(error, context.assertHealthy) ? wrongMaterial() : error;
  }
}

function requireImport(context: ImportContext, imported: Imported, id: TokenKeyId): Proven {
  const proven = proveImport(context, imported);
  if (proven.identity.id !== id) throw wrongMaterial();
  return proven;
}

/**
 * Unwrapped a second time, straight to the token object, and proven once more: an extractable object never is on the
 * token, and a copy of the proven one would have to keep uses that the key must not have.
 */
export function admitResident(
  context: ImportContext,
  imported: Imported,
  place: { id: Buffer; label: string; modifiable: boolean },
): void {
  const id = place.id.toString('hex');
  const { envelope, identity } = requireImport(context, imported, id);
  if (findObjects(context, residentObjects(place.id), 1).length > 0) {
    throw new HsmError('duplicate-key', `C_FindObjects: CKA_ID ${id} is taken`);
  }
  const made = openEnvelope(context, envelope, residentMaterial(imported.kind, place));
  try {
    proveMade(context, made, { imported, identity });
  } catch (error) {
    discardAfter(context, made, error);
    throw error;
  }
}

function proveMade(
  context: ImportContext,
  made: Handle,
  { imported, identity }: { imported: Imported; identity: Identity },
): void {
  const [onToken, sensitive, extractable] = readFlags(context, made, [
    pkcs11.CKA_TOKEN,
    pkcs11.CKA_SENSITIVE,
    pkcs11.CKA_EXTRACTABLE,
  ]);
  if (onToken !== true || sensitive !== true || extractable !== false) {
    throw new HsmError('failed', 'C_UnwrapKey: the new key is not as protected as was asked for');
  }
  requireUses(context, made, imported.kind);
  const { publicKey } = identity;
  const same =
    publicKey === undefined
      ? identify(context, made, imported).id === identity.id
      : provesPrivate(context, made, { kind: imported.kind, publicKey });
  if (!same) throw new HsmError('failed', 'C_UnwrapKey: the new key is not the proven one');
}

/** A key that stays in the token for others to find must be good for nothing but its usage. */
function requireUses(context: ImportContext, made: Handle, kind: MaterialKind): void {
  if (isOfKind(context, made, keyRow(kind))) return;
  throw new HsmError(
    'mechanism-missing',
    `C_UnwrapKey: the token gives imported ${kind.spec} keys uses that they must not have`,
  );
}

/** Extractable for the moment in which it is wrapped, and an object of this session all the while. */
export function admitWrapped(
  context: ImportContext,
  imported: Imported,
  { id, wrapper }: { id: TokenKeyId; wrapper: Wrapper },
): Buffer {
  const { envelope } = requireImport(context, imported, id);
  const bare = openEnvelope(context, envelope, wrappableMaterial(imported.kind));
  const blob = withObject(context, bare, () => wrapKey(context, wrapper, bare));
  const template = provableMaterial(imported.kind);
  const again = unwrapKey(context, wrapper, { blob, template });
  if (identify(context, again, imported).id === id) return blob;
  throw new HsmError('failed', 'C_WrapKey: the wrapped key is not the proven one');
}
