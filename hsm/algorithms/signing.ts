import { createHash } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { sign } from '../calls';
import { HsmError } from '../errors';
import type { MaterialSpec } from '../material-types';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { parameterSets } from '../post-quantum/parameter-sets';
import type { SigningAlgorithm, SigningRequest } from '../use-types';
import { ecdsaDer } from './ecdsa-der';
import { type HashName, hashes } from './hashes';

/** How a token makes the signatures of one of AWS KMS's SigningAlgorithms. */
interface SigningRow {
  readonly specs: readonly MaterialSpec[];
  readonly mechanism: pkcs11.Mechanism;
  /** Bytes of a signature at the most: NSS wants to be given 64 of Ed25519, and no more. */
  readonly longest?: number;
  /** How long the input has to be: a digest's length. */
  readonly inputBytes?: number;
  /** What the token is given for the input. */
  readonly frame?: (input: Buffer) => Buffer;
  /** The same, where the known answer took its detour. */
  readonly detour?: (input: Buffer) => Buffer;
  /** AWS's format of what the token answers. */
  readonly finish?: (signature: Buffer) => Buffer;
}

const rsaSpecs: readonly MaterialSpec[] = ['RSA_2048', 'RSA_3072', 'RSA_4096'];

const edwards = {
  specs: ['ECC_NIST_EDWARDS25519'],
  longest: 64,
} as const satisfies Partial<SigningRow>;

/** ML-DSA-87's are the longest. */
const mlDsa = {
  specs: ['ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87'],
  longest: parameterSets.ML_DSA_87.signatureBytes,
} as const satisfies Partial<SigningRow>;

/** CKM_RSA_PKCS signs a DigestInfo, which is the caller's to make. */
function pkcs1(hash: HashName): SigningRow {
  const { bytes, digestInfo } = hashes[hash];
  const prefix = Buffer.from(digestInfo, 'hex');
  return {
    specs: rsaSpecs,
    mechanism: { mechanism: ckm.RSA_PKCS },
    inputBytes: bytes,
    frame: (digest) => Buffer.concat([prefix, digest]),
  };
}

/** Salt as long as the hash, MGF1 with the same hash (kms-semantics §3.5). */
function pss(hash: HashName): SigningRow {
  const { bytes, ckm: hashAlg, mgf } = hashes[hash];
  const parameter: pkcs11.RsaPSS = {
    type: pkcs11.CK_PARAMS_RSA_PSS,
    hashAlg,
    mgf,
    saltLen: bytes,
  };
  return {
    specs: rsaSpecs,
    mechanism: { mechanism: ckm.RSA_PKCS_PSS, parameter },
    inputBytes: bytes,
  };
}

/** `orderBytes`: of the order of the curves. */
function ecdsa(specs: readonly MaterialSpec[], hash: HashName, orderBytes: number): SigningRow {
  return {
    specs,
    mechanism: { mechanism: ckm.ECDSA },
    inputBytes: hashes[hash].bytes,
    finish: (signature) => ecdsaDer(signature, orderBytes),
  };
}

/** CK_EDDSA_PARAMS on a 64-bit machine: phFlag true, no context. pkcs11js has no type for it. */
function prehashParameter(): Buffer {
  const parameter = Buffer.alloc(24);
  parameter[0] = 1;
  return parameter;
}

const rows: Readonly<Record<SigningAlgorithm, SigningRow>> = {
  RSASSA_PKCS1_V1_5_SHA_256: pkcs1('sha256'),
  RSASSA_PKCS1_V1_5_SHA_384: pkcs1('sha384'),
  RSASSA_PKCS1_V1_5_SHA_512: pkcs1('sha512'),
  RSASSA_PSS_SHA_256: pss('sha256'),
  RSASSA_PSS_SHA_384: pss('sha384'),
  RSASSA_PSS_SHA_512: pss('sha512'),
  ECDSA_SHA_256: ecdsa(['ECC_NIST_P256', 'ECC_SECG_P256K1'], 'sha256', 32),
  ECDSA_SHA_384: ecdsa(['ECC_NIST_P384'], 'sha384', 48),
  ECDSA_SHA_512: ecdsa(['ECC_NIST_P521'], 'sha512', 66),
  ED25519_SHA_512: { ...edwards, mechanism: { mechanism: ckm.EDDSA } },
  ED25519_PH_SHA_512: {
    ...edwards,
    mechanism: { mechanism: ckm.EDDSA, parameter: prehashParameter() },
    // PKCS#11 does not say whether the caller hashes or the token (v3.1 §6.3.16).
    detour: (message) => createHash('sha512').update(message).digest(),
  },
  // Without CK_SIGN_ADDITIONAL_CONTEXT: an empty context, and hedged where the token hedges (FIPS 204 §3.4).
  ML_DSA_SHAKE_256: { ...mlDsa, mechanism: { mechanism: ckm.ML_DSA } },
};

/** Of mu, 64 bytes of SHAKE256, which is what the message is to the algorithm (FIPS 204 §6.2). */
const ofExternalMu: SigningRow = {
  ...mlDsa,
  mechanism: { mechanism: ckm.ML_DSA_EXTERNAL_MU },
  inputBytes: 64,
};

/** And which way the known answer found. */
export interface ProvenSigning extends SigningRequest {
  readonly detour?: boolean;
}

type Way = Pick<SigningRequest, 'algorithm' | 'externalMu'>;

function rowOf({ algorithm, externalMu }: Way): SigningRow {
  return externalMu === true ? ofExternalMu : rows[algorithm];
}

/** What known answers call it. */
export function signingName({ algorithm, externalMu }: Way): string {
  return externalMu === true ? `${algorithm} of EXTERNAL_MU` : algorithm;
}

/** Throws where keys of this spec do not have the algorithm, or it does not take this input: the caller's mistake. */
export function requireSigning(spec: MaterialSpec, request: SigningRequest): void {
  const { specs, inputBytes } = rowOf(request);
  if (!specs.includes(spec)) {
    throw new HsmError('failed', `${signingName(request)} is no algorithm of ${spec} keys`);
  }
  // SoftHSM refuses an empty one and leaves the operation active.
  if (request.input.length === 0) {
    throw new HsmError('failed', `${signingName(request)}: the input must be 1 byte or more`);
  }
  if (inputBytes !== undefined && inputBytes !== request.input.length) {
    throw new HsmError(
      'failed',
      `${signingName(request)}: the input must be of ${String(inputBytes)} bytes`,
    );
  }
}

/** One signature in AWS's format. The algorithm is one of the key's. */
export function signWith(desk: Desk, key: Handle, request: ProvenSigning): Buffer {
  const row = rowOf(request);
  const { mechanism, longest, finish } = row;
  const frame = request.detour === true ? row.detour : row.frame;
  const { input } = request;
  const data = frame === undefined ? input : frame(input);
  const signature = sign(desk, { key, mechanism, data, longest });
  return finish === undefined ? signature : finish(signature);
}
