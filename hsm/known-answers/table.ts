import { keyRow } from '../algorithms/key-rows';
import { signingName } from '../algorithms/signing';
import { curves } from '../curves';
import type { MaterialKind, MaterialSpec } from '../material-types';
import type { CapabilityRow } from '../types';
import { type Bench, type KindProof, proveKind, type Verdict } from './kinds';

/** A row of the capability table: one algorithm of one or several kinds. */
interface Row {
  readonly name: string;
  readonly mechanism: string;
  readonly algorithm: string;
  readonly kinds: readonly MaterialKind[];
  /** Supported where one of the kinds is; the note then names those that are not. */
  readonly any?: true;
}

const rsaSpecs = ['RSA_2048', 'RSA_3072', 'RSA_4096'] as const;
const curveSpecs = Object.keys(curves) as ReadonlyArray<keyof typeof curves>;
const suffixes = ['SHA_256', 'SHA_384', 'SHA_512'] as const;

const mlDsaSpecs = ['ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87'] as const;

const signing = (spec: MaterialSpec): MaterialKind => ({ spec, usage: 'SIGN_VERIFY' });
const decrypting = (spec: MaterialSpec): MaterialKind => ({ spec, usage: 'ENCRYPT_DECRYPT' });
const agreeing = (spec: MaterialSpec): MaterialKind => ({ spec, usage: 'KEY_AGREEMENT' });

const rows: readonly Row[] = [
  ...(['224', '256', '384', '512'] as const).map((size) => ({
    name: `HMAC_${size}`,
    mechanism: `CKM_SHA${size}_HMAC`,
    algorithm: `HMAC_${size}`,
    kinds: [{ spec: `HMAC_${size}`, usage: 'GENERATE_VERIFY_MAC' } as const],
  })),
  ...rsaSpecs.map((spec) => ({
    name: spec,
    mechanism: 'CKM_RSA_PKCS',
    algorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
    kinds: [signing(spec)],
  })),
  ...(
    [
      ['RSASSA_PKCS1_V1_5', 'CKM_RSA_PKCS'],
      ['RSASSA_PSS', 'CKM_RSA_PKCS_PSS'],
    ] as const
  ).flatMap(([prefix, mechanism]) =>
    suffixes.map((suffix) => ({
      name: `${prefix}_${suffix}`,
      mechanism,
      algorithm: `${prefix}_${suffix}`,
      kinds: rsaSpecs.map(signing),
    })),
  ),
  ...(['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] as const).map((name) => ({
    name,
    mechanism: 'CKM_RSA_PKCS_OAEP',
    algorithm: name,
    kinds: rsaSpecs.map(decrypting),
  })),
  ...curveSpecs.map((spec) => ({
    name: spec,
    mechanism: 'CKM_ECDSA',
    algorithm: curves[spec].ecdsa,
    kinds: [signing(spec)],
  })),
  {
    name: 'ECDH',
    mechanism: 'CKM_ECDH1_DERIVE',
    algorithm: 'ECDH',
    kinds: curveSpecs.map(agreeing),
    any: true,
  },
  {
    name: 'ECC_NIST_EDWARDS25519',
    mechanism: 'CKM_EDDSA',
    algorithm: 'ED25519_SHA_512',
    kinds: [signing('ECC_NIST_EDWARDS25519')],
  },
  {
    name: 'ED25519_PH_SHA_512',
    mechanism: 'CKM_EDDSA',
    algorithm: 'ED25519_PH_SHA_512',
    kinds: [signing('ECC_NIST_EDWARDS25519')],
  },
  ...mlDsaSpecs.map((spec) => ({
    name: spec,
    mechanism: 'CKM_ML_DSA',
    algorithm: 'ML_DSA_SHAKE_256',
    kinds: [signing(spec)],
  })),
  {
    name: 'ML_DSA_EXTERNAL_MU',
    mechanism: 'CKM_ML_DSA_EXTERNAL_MU',
    algorithm: signingName({ algorithm: 'ML_DSA_SHAKE_256', externalMu: true }),
    kinds: mlDsaSpecs.map(signing),
  },
  ...(['ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'] as const).map((spec) => ({
    name: spec,
    mechanism: 'CKM_ML_KEM',
    algorithm: 'ML_KEM',
    kinds: [{ spec, usage: 'ENCAPSULATE_DECAPSULATE' } as const],
  })),
];

/** The rows of the capability table of keys in use, each kind tried on the token. */
export function kindRows(bench: Bench): readonly CapabilityRow[] {
  const proofs = new Map<MaterialKind, KindProof>();
  const proofOf = (kind: MaterialKind): KindProof => {
    // One object a kind.
    const row = keyRow(kind);
    const known = proofs.get(row.kind);
    if (known !== undefined) return known;
    const proof = proveKind(row, bench);
    proofs.set(row.kind, proof);
    return proof;
  };
  return rows.map((row) => capabilityRow(row, proofOf));
}

function capabilityRow(
  { name, mechanism, algorithm, kinds, any }: Row,
  proofOf: (kind: MaterialKind) => KindProof,
): CapabilityRow {
  const verdicts = kinds.map((kind) => ({ kind, verdict: proofOf(kind)[algorithm] }));
  const missing = verdicts.filter(({ verdict }) => verdict?.supported !== true);
  const supported = any === true ? missing.length < kinds.length : missing.length === 0;
  const note =
    any === true
      ? missing.map(({ kind, verdict }) => `not ${kind.spec} (${verdict?.note ?? ''})`)
      : notesOf(supported ? verdicts : missing);
  return { name, mechanism, supported, note: note.join('; ') };
}

function notesOf(verdicts: ReadonlyArray<{ readonly verdict: Verdict | undefined }>): string[] {
  const notes = new Set(verdicts.map(({ verdict }) => verdict?.note ?? ''));
  return [...notes].filter((note) => note !== '');
}
