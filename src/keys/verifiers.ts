import { constants, verify } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa';
import type { KeySpec } from '../shapes/kms.generated';
import type { Key } from './key';
import { publicKeyBytes, publicKeyObjectOf } from './public-key';
import { type SigningHash, isAsLongAsModulus, verifiesPkcs1, verifiesPss } from './rsa-digest';

/*
 * Signatures are verified here, with the public half of the key, and not in the token: nothing of it is secret. OpenSSL
 * does what node:crypto lets it do. The rest are digests, which that would hash again, and what OpenSSL 3.0 lacks.
 */

/** False for every reason: of another key, another message, malformed. Throws only where the key is not there. */
export type Verifier = (key: Key, message: Buffer, signature: Buffer) => boolean;

type RsaScheme = 'pkcs1' | 'pss';

const ofRsaMessage = {
  pkcs1: { padding: constants.RSA_PKCS1_PADDING },
  pss: {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    // No other length than that of the hash: kms-semantics §3.5.
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  },
} as const satisfies Record<RsaScheme, object>;
const ofRsaDigest = { pkcs1: verifiesPkcs1, pss: verifiesPss };

export function rsaMessage(scheme: RsaScheme, hash: SigningHash): Verifier {
  const parameters = ofRsaMessage[scheme];
  return (owner, message, signature) => {
    const key = publicKeyObjectOf(owner);
    return (
      isAsLongAsModulus(key, signature) && verify(hash, message, { key, ...parameters }, signature)
    );
  };
}

export function rsaDigest(scheme: RsaScheme, hash: SigningHash): Verifier {
  const verifies = ofRsaDigest[scheme];
  return (key, digest, signature) => verifies(publicKeyObjectOf(key), hash, { digest, signature });
}

export function ecdsaMessage(hash: SigningHash): Verifier {
  return (key, message, signature) => verify(hash, message, publicKeyObjectOf(key), signature);
}

/** Curves of ECDSA, each with the length of an uncompressed point. */
const curves: Readonly<Partial<Record<KeySpec, { curve: typeof p256; pointLength: number }>>> = {
  ECC_NIST_P256: { curve: p256, pointLength: 65 },
  ECC_NIST_P384: { curve: p384, pointLength: 97 },
  ECC_NIST_P521: { curve: p521, pointLength: 133 },
  ECC_SECG_P256K1: { curve: secp256k1, pointLength: 65 },
};

export const ecdsaDigest: Verifier = (key, digest, signature) => {
  const { curve, pointLength } = knownOf(curves, key);
  // What token signs is of either sign: nothing is normalised to low s (kms-semantics §3.5).
  const options = { prehash: false, lowS: false, format: 'der' } as const;
  const point = publicKeyBytes(key, pointLength);
  return unlessMalformed(() => curve.verify(signature, digest, point, options));
};

export const ed25519Message: Verifier = (key, message, signature) =>
  verify(null, message, publicKeyObjectOf(key), signature);

/** Hashes the message by SHA-512, whatever that is. Encodings are those of RFC 8032, not the wider ones of ZIP 215. */
export const ed25519phMessage: Verifier = (key, message, signature) => {
  const point = publicKeyBytes(key, 32);
  return unlessMalformed(() => ed25519ph.verify(signature, message, point, { zip215: false }));
};

/** ML-DSA, each with the length of a public key (FIPS 204, table 2). */
const latticeKeys: Readonly<
  Partial<Record<KeySpec, { scheme: typeof ml_dsa44; keyLength: number }>>
> = {
  ML_DSA_44: { scheme: ml_dsa44, keyLength: 1312 },
  ML_DSA_65: { scheme: ml_dsa65, keyLength: 1952 },
  ML_DSA_87: { scheme: ml_dsa87, keyLength: 2592 },
};

/** With an empty context. */
export const mlDsaMessage: Verifier = (key, message, signature) => {
  const { scheme, keyLength } = knownOf(latticeKeys, key);
  const publicKey = publicKeyBytes(key, keyLength);
  return unlessMalformed(() => scheme.verify(publicKey, message, signature));
};

/** A parameter that the package has and does not declare. */
interface MuVerifier {
  verify(publicKey: Buffer, mu: Buffer, signature: Buffer, externalMu: true): boolean;
}

/** Of mu, which stands for key, context and message (FIPS 204 §6.2). */
export const mlDsaMu: Verifier = (key, mu, signature) => {
  const { scheme, keyLength } = knownOf(latticeKeys, key);
  const { internal }: { readonly internal: MuVerifier } = scheme;
  const publicKey = publicKeyBytes(key, keyLength);
  return unlessMalformed(() => internal.verify(publicKey, mu, signature, true));
};

function knownOf<T>(table: Readonly<Partial<Record<KeySpec, T>>>, { keySpec }: Key): T {
  const row = table[keySpec];
  if (row === undefined) throw new Error(`no key of spec ${keySpec} verifies that`);
  return row;
}

/** The packages throw for a signature of a wrong form. */
function unlessMalformed(verifies: () => boolean): boolean {
  try {
    return verifies();
  } catch {
    return false;
  }
}
