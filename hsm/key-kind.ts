import * as pkcs11 from 'pkcs11js';
import type { KeyRow } from './algorithms/key-rows';
import { readAttribute, readNumber } from './calls';
import { ed25519Oid } from './curves';
import { HsmError } from './errors';
import { isRefused } from './import/faults';
import type { Shape } from './material/shapes';
import { objectOf, usesOf } from './material/templates';
import type { Handle } from './module';
import { type Desk, readFlags } from './objects';
import { CKA_DECAPSULATE, CKA_PARAMETER_SET } from './post-quantum/numbers';

/** Its OID, and the other form that PKCS#11 3.0 has: PrintableString "edwards25519". */
const ed25519Parameters: readonly string[] = [ed25519Oid, '130c656477617264733235353139'];

/**
 * Throws `key-not-found` unless the object is a key of this kind, good for its usage and for nothing else. A pair of an
 * import, say, may decrypt as a key for Decrypt may; that it may unwrap tells it from those.
 */
export function requireKindOf(desk: Desk, object: Handle, row: KeyRow): void {
  if (!isOfKind(desk, object, row)) throw wrongKind(row);
}

export function wrongKind({ kind }: KeyRow): HsmError {
  const { spec, usage } = kind;
  return new HsmError('key-not-found', `C_GetAttributeValue: the key is no ${spec} for ${usage}`);
}

export function isOfKind(desk: Desk, object: Handle, row: KeyRow): boolean {
  const allowed = usesOf(row.kind);
  return (
    isOfSpec(desk, object, row) &&
    usesAre(desk, object, { of: row, are: (use, flag) => flag === allowed.includes(use) })
  );
}

/**
 * A key of this spec that is good for its usage, and perhaps for more: some tokens (NSS) give a private key that they unwrap
 * every use, whatever the template denies.
 */
export function isOfKindAtLeast(desk: Desk, object: Handle, row: KeyRow): boolean {
  const needed = usesOf(row.kind);
  return (
    isOfSpec(desk, object, row) &&
    usesAre(desk, object, { of: row, are: (use, flag) => flag || !needed.includes(use) })
  );
}

function isOfSpec(desk: Desk, object: Handle, { kind, shape }: KeyRow): boolean {
  const wanted = objectOf(kind.spec);
  return (
    readNumber(desk, object, pkcs11.CKA_CLASS) === wanted.class &&
    readNumber(desk, object, pkcs11.CKA_KEY_TYPE) === wanted.type &&
    hasShape(desk, object, shape)
  );
}

/** The length of a secret is not asked for: SoftHSM does not know that of one which was unwrapped. */
function hasShape(desk: Desk, object: Handle, shape: Shape): boolean {
  if (shape.family === 'rsa') {
    return readAttribute(desk, object, pkcs11.CKA_MODULUS).length === shape.bits / 8;
  }
  if (shape.family === 'ec') return parametersOf(desk, object) === shape.curve.oid;
  if (shape.family === 'edwards') return ed25519Parameters.includes(parametersOf(desk, object));
  if (shape.family === 'ml-dsa' || shape.family === 'ml-kem') {
    return readNumber(desk, object, CKA_PARAMETER_SET) === shape.parameterSet;
  }
  return true;
}

function parametersOf(desk: Desk, object: Handle): string {
  return readAttribute(desk, object, pkcs11.CKA_EC_PARAMS).toString('hex');
}

function usesAre(
  desk: Desk,
  object: Handle,
  { of, are }: { of: KeyRow; are: (use: number, flag: boolean) => boolean },
): boolean {
  const asked = objectOf(of.kind.spec).uses.filter((use) => telling.includes(use));
  const flags = readUses(desk, object, asked);
  return asked.every((use, at) => are(use, flags[at] === true));
}

/** What tells a key of one usage from one of another. Tokens have views of their own on the rest. */
const telling: readonly number[] = [
  pkcs11.CKA_ENCRYPT,
  pkcs11.CKA_DECRYPT,
  pkcs11.CKA_SIGN,
  pkcs11.CKA_WRAP,
  pkcs11.CKA_UNWRAP,
  pkcs11.CKA_DERIVE,
  CKA_DECAPSULATE,
];

/** A use that a token has no attribute for is none that it would allow. */
function readUses(desk: Desk, object: Handle, all: readonly number[]): boolean[] {
  try {
    return readFlags(desk, object, all);
  } catch (error) {
    if (!isRefused(error)) throw error;
    return all.map((use) => readUse(desk, object, use));
  }
}

function readUse(desk: Desk, object: Handle, use: number): boolean {
  try {
    return readFlags(desk, object, [use])[0] === true;
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}
