import * as pkcs11 from 'pkcs11js';
import { ed25519Oid } from '../curves';
import { HsmError } from '../errors';
import type { ImportContext } from '../import/context';
import { provesPrivate, rsaDecrypts } from '../import/proofs';
import type { MaterialKind, MaterialSpec } from '../material-types';
import {
  type ReadPublicHalf,
  ecPublicHalf,
  edwardsPublicHalf,
  parsePublicHalf,
  postQuantumPublicHalf,
  rsaPublicHalf,
} from '../material/public-halves';
import { type Shape, shapeOf } from '../material/shapes';
import { type Attributes, type Family, usesOf } from '../material/templates';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import { CKA_PARAMETER_SET } from '../post-quantum/numbers';
import { mlDsaSigns, mlKemDecapsulates } from '../post-quantum/proofs';
import { proveTransferPair } from '../transfer/pair';

/** A pair for imported key material, for a wrapping key that comes from another token, or of a KMS key. */
export type PairSpec =
  { readonly purpose: 'import' | 'transfer'; readonly bits: number } | MaterialKind;

export interface PairContext extends ImportContext {
  readonly ivSource: 'random' | 'token';
}

interface Halves {
  readonly privateKey: Handle;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
}

/** What makes a pair, and what the pair is to be. */
export interface PairPlan {
  readonly family: Family;
  readonly mechanism: number;
  /** Of the public key's template: what kind of a pair. */
  readonly attributes: Attributes;
  /** What the private half is good for. */
  readonly allow: readonly number[];
  readonly readPublicHalf: ReadPublicHalf;
  /** Uses the pair once as it is going to be used. Throws where it does not do that. */
  readonly prove: (context: PairContext, pair: Halves) => void;
}

/** What makes pairs of a spec, whatever they are for. */
export type SpecPlan = Omit<PairPlan, 'allow' | 'prove'>;

const publicExponent = Buffer.from('010001', 'hex');

function rsaPlan(bits: number): SpecPlan {
  return {
    family: 'rsa',
    mechanism: ckm.RSA_PKCS_KEY_PAIR_GEN,
    attributes: [
      [pkcs11.CKA_MODULUS_BITS, bits],
      [pkcs11.CKA_PUBLIC_EXPONENT, publicExponent],
    ],
    readPublicHalf: rsaPublicHalf,
  };
}

const ed25519 = Buffer.from(ed25519Oid, 'hex');

type ShapeOf<F extends Family> = Extract<Shape, { readonly family: F }>;

const generated: {
  readonly [F in Exclude<Family, 'aes' | 'hmac'>]: (shape: ShapeOf<F>) => SpecPlan;
} = {
  rsa: ({ bits }) => rsaPlan(bits),
  ec: ({ curve }) => ({
    family: 'ec',
    mechanism: ckm.EC_KEY_PAIR_GEN,
    attributes: [[pkcs11.CKA_EC_PARAMS, Buffer.from(curve.oid, 'hex')]],
    readPublicHalf: ecPublicHalf(curve),
  }),
  'ml-dsa': (set) => ({
    family: 'ml-dsa',
    mechanism: ckm.ML_DSA_KEY_PAIR_GEN,
    attributes: [[CKA_PARAMETER_SET, set.parameterSet]],
    readPublicHalf: postQuantumPublicHalf(set),
  }),
  'ml-kem': (set) => ({
    family: 'ml-kem',
    mechanism: ckm.ML_KEM_KEY_PAIR_GEN,
    attributes: [[CKA_PARAMETER_SET, set.parameterSet]],
    readPublicHalf: postQuantumPublicHalf(set),
  }),
  edwards: () => ({
    family: 'edwards',
    mechanism: ckm.EC_EDWARDS_KEY_PAIR_GEN,
    attributes: [[pkcs11.CKA_EC_PARAMS, ed25519]],
    readPublicHalf: edwardsPublicHalf,
  }),
};

export function planOfSpec(spec: MaterialSpec): SpecPlan {
  const shape = shapeOf(spec);
  const make = generated[shape.family as keyof typeof generated] as (shape: Shape) => SpecPlan;
  return make(shape);
}

function planOfKind(kind: MaterialKind): PairPlan {
  return {
    ...planOfSpec(kind.spec),
    allow: usesOf(kind),
    prove: (context, pair) => requireProof(isPair(context, pair, kind)),
  };
}

function isPair(
  context: PairContext,
  { privateKey, publicKey: der }: Halves,
  kind: MaterialKind,
): boolean {
  const shape = shapeOf(kind.spec);
  if (shape.family === 'ml-dsa') return mlDsaSigns(context, privateKey, { set: shape, der });
  if (shape.family === 'ml-kem') return mlKemDecapsulates(context, privateKey, { set: shape, der });
  return provesPrivate(context, privateKey, { kind, publicKey: parsePublicHalf(der) });
}

const { CKA_DECRYPT, CKA_UNWRAP } = pkcs11;

/** `transfer`: nobody decrypts with it what should be unwrapped. */
const purposes: Readonly<Record<'import' | 'transfer', Pick<PairPlan, 'allow' | 'prove'>>> = {
  import: {
    allow: [CKA_DECRYPT, CKA_UNWRAP],
    prove: (context, { privateKey, publicKey }) =>
      requireProof(rsaDecrypts(context, privateKey, parsePublicHalf(publicKey))),
  },
  transfer: {
    allow: [CKA_UNWRAP],
    prove: (context, { privateKey, publicKey }) =>
      proveTransferPair(context, { privateKey, publicKey: parsePublicHalf(publicKey) }),
  },
};

export function planOf(spec: PairSpec): PairPlan {
  return 'purpose' in spec
    ? { ...rsaPlan(spec.bits), ...purposes[spec.purpose] }
    : planOfKind(spec);
}

function requireProof(proven: boolean): void {
  if (!proven) throw new HsmError('failed', 'the private key is not that of the public key');
}
