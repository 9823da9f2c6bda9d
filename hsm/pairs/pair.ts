import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../errors';
import {
  generated,
  generatedPublicKey,
  type NewPlace,
  residence,
  residentObjects,
  uses,
} from '../material/templates';
import { mechanismName } from '../mechanisms';
import type { Handle } from '../module';
import { copyKey, type Desk, destroyAll, discardAfter, findObjects, readFlags } from '../objects';
import { call } from '../return-values';
import type { ResidentMaterial, Template } from '../templates';
import { type PairContext, type PairPlan, type PairSpec, planOf } from './plans';

export interface Pair {
  readonly privateKey: Handle;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
}

/** Of objects of the session, and of the token: these are never extractable. */
type SessionPlace = 'session' | 'wrappable';

interface Wanted {
  readonly plan: PairPlan;
  readonly place: SessionPlace;
}

/** A pair whose private half is in the token from the start. Leaves nothing behind where its proof fails. */
export function generatePair(context: PairContext, spec: PairSpec, name: ResidentMaterial): Pair {
  requireUnused(context, name.id);
  const plan = planOf(spec);
  const made = makePair(context, plan, name);
  try {
    requireProtected(context, made.privateKey, { plan, place: 'session' });
    return proven(context, plan, made);
  } catch (error) {
    discardAfter(context, made.privateKey, error);
    throw error;
  }
}

/** The slow half of it, all in this session: nothing in the token changes. */
export function preparePair(
  context: PairContext,
  spec: PairSpec,
  place: SessionPlace = 'session',
): Pair {
  const plan = planOf(spec);
  const made = makePair(context, plan, place);
  requireProtected(context, made.privateKey, { plan, place });
  return proven(context, plan, made);
}

/**
 * The other half: copies a prepared private key into the token and proves it there. Undefined where the token does not make
 * such a copy.
 */
export function storePair(
  context: PairContext,
  { spec, pair }: { spec: PairSpec; pair: Pair },
  name: ResidentMaterial,
): Handle | undefined {
  requireUnused(context, name.id);
  const plan = planOf(spec);
  const copy = copyPrivateKey(context, pair.privateKey, {
    ...{ plan, place: 'session', template: residence(name) },
  });
  if (copy === undefined) return undefined;
  try {
    const [onToken] = readFlags(context, copy, [pkcs11.CKA_TOKEN]);
    if (onToken !== true) throw new HsmError('failed', 'C_CopyObject: the copy is no token object');
    plan.prove(context, { ...pair, privateKey: copy });
    return copy;
  } catch (error) {
    discardAfter(context, copy, error);
    throw error;
  }
}

/** For as long as `context.session`; undefined as for a copy into the token. */
export function keepPrivateKey(
  context: PairContext,
  key: Handle,
  { spec, place }: { spec: PairSpec; place: SessionPlace },
): Handle | undefined {
  const template = residence(undefined);
  return copyPrivateKey(context, key, { plan: planOf(spec), place, template });
}

/** Undefined where the token refuses to copy it, or makes a copy that is less protected or of other uses. */
function copyPrivateKey(
  context: PairContext,
  key: Handle,
  { template, ...wanted }: Wanted & { template: Template },
): Handle | undefined {
  const { assertHealthy } = context;
  const isKind = (copy: Handle): boolean => isAsPlanned(context, copy, wanted);
  return copyKey(context, key, { template, isKind, assertHealthy });
}

function requireUnused(desk: Desk, id: Buffer): void {
  if (findObjects(desk, residentObjects(id), 1).length === 0) return;
  throw new HsmError('duplicate-key', `C_FindObjects: CKA_ID ${id.toString('hex')} is taken`);
}

export interface MadePair {
  readonly privateKey: Handle;
  readonly publicKey: Handle;
}

export function makePair(desk: Desk, plan: Omit<PairPlan, 'prove'>, place: NewPlace): MadePair {
  const publicKey = generatedPublicKey(plan.attributes);
  const privateKey = generated(plan.family, plan.allow, place);
  const { mechanism } = plan;
  try {
    return call('C_GenerateKeyPair', () =>
      desk.library.C_GenerateKeyPair(desk.session, { mechanism }, publicKey, privateKey),
    );
  } catch (error) {
    if (!(error instanceof HsmError) || error.code !== 'mechanism-missing') throw error;
    const reason = `the token lacks ${mechanismName(mechanism)} (${error.message})`;
    throw new HsmError('mechanism-missing', reason);
  }
}

export function proven(context: PairContext, plan: PairPlan, made: MadePair): Pair {
  const { privateKey } = made;
  const pair = { privateKey, publicKey: plan.readPublicHalf(context, made.publicKey) };
  plan.prove(context, pair);
  return pair;
}

/** Protected, born so, and good for nothing but what was asked for. */
function isAsPlanned(desk: Desk, key: Handle, { plan, place }: Wanted): boolean {
  const { family, allow } = plan;
  const wraps = place === 'wrappable';
  const protection = wraps ? [pkcs11.CKA_EXTRACTABLE] : [pkcs11.CKA_NEVER_EXTRACTABLE];
  const wanted = [pkcs11.CKA_PRIVATE, pkcs11.CKA_SENSITIVE, ...protection, ...allow];
  const denied = uses[family].filter((use) => !allow.includes(use));
  return (
    readFlags(desk, key, wanted).every(Boolean) &&
    !readFlags(desk, key, [...(wraps ? [] : [pkcs11.CKA_EXTRACTABLE]), ...denied]).some(Boolean)
  );
}

function requireProtected(desk: Desk, key: Handle, wanted: Wanted): void {
  if (isAsPlanned(desk, key, wanted)) return;
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
