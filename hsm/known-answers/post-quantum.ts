import { createHash } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { signingName, signWith } from '../algorithms/signing';
import type { MaterialSpec } from '../material-types';
import { postQuantumPublicHalf } from '../material/public-halves';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { decapsulate, encapsulate } from '../post-quantum/encapsulation';
import { CKA_DECAPSULATE, CKA_ENCAPSULATE, CKA_PARAMETER_SET } from '../post-quantum/numbers';
import type { MlDsa, MlKem } from '../post-quantum/parameter-sets';
import {
  decodePublicKey,
  encapsulateHere,
  pairHere,
  verifiesMlDsa,
} from '../post-quantum/public-key';
import { generatePair, type KeyAnswer, type KeyAnswers, requireAnswer } from './row';

const message = Buffer.from('claviger known answer');

interface PostQuantumKey {
  readonly privateKey: Handle;
  /** As FIPS 203 and FIPS 204 have it. */
  readonly publicKey: Buffer;
}

/** A pair of the token's own: few tokens let a known private key in, and what is proven is what keys here are. */
function generate(
  desk: Desk,
  set: MlDsa | MlKem,
  how: { readonly mechanism: number; readonly publicUse: number; readonly privateUse: number },
): PostQuantumKey {
  const pair = generatePair(desk, how.mechanism, {
    publicKey: [
      [CKA_PARAMETER_SET, set.parameterSet],
      [how.publicUse, true],
    ],
    privateKey: [[how.privateUse, true]],
  });
  const der = postQuantumPublicHalf(set)(desk, pair.publicKey);
  return { privateKey: pair.privateKey, publicKey: decodePublicKey(set, der) };
}

function mlDsaAnswer(
  set: MlDsa,
  mechanism: string,
  way: { readonly externalMu: boolean; readonly input: (publicKey: Buffer) => Buffer },
): KeyAnswer<PostQuantumKey> {
  const request = { algorithm: 'ML_DSA_SHAKE_256', externalMu: way.externalMu } as const;
  return {
    name: signingName(request),
    mechanism,
    test: (desk, { privateKey, publicKey }) => {
      const input = way.input(publicKey);
      const signature = signWith(desk, privateKey, { ...request, input });
      requireAnswer(verifiesMlDsa(set, publicKey, { message, signature }), 'C_Sign');
    },
  };
}

/** FIPS 204, algorithm 2, line 10, and algorithm 7, line 6: of the message, with an empty context. */
function muOf(publicKey: Buffer): Buffer {
  const shake256 = (...parts: readonly Buffer[]): Buffer =>
    createHash('shake256', { outputLength: 64 }).update(Buffer.concat(parts)).digest();
  const [pure, contextLength] = [0, 0];
  return shake256(shake256(publicKey), Buffer.of(pure, contextLength), message);
}

/** Whoever judges the signatures is no part of the token. */
export function mlDsaAnswers(set: MlDsa, spec: MaterialSpec): KeyAnswers<PostQuantumKey> {
  return {
    make: (desk) =>
      generate(desk, set, {
        mechanism: ckm.ML_DSA_KEY_PAIR_GEN,
        publicUse: pkcs11.CKA_VERIFY,
        privateUse: pkcs11.CKA_SIGN,
      }),
    answers: [
      mlDsaAnswer(set, `CKM_ML_DSA with CKP_${spec}`, { externalMu: false, input: () => message }),
      mlDsaAnswer(set, 'CKM_ML_DSA_EXTERNAL_MU', { externalMu: true, input: muOf }),
    ],
  };
}

/** It decapsulates what was encapsulated outside of the token, and the other way round. */
export function mlKemAnswers(set: MlKem, spec: MaterialSpec): KeyAnswers<PostQuantumKey> {
  return {
    make: (desk) =>
      generate(desk, set, {
        mechanism: ckm.ML_KEM_KEY_PAIR_GEN,
        publicUse: CKA_ENCAPSULATE,
        privateUse: CKA_DECAPSULATE,
      }),
    answers: [
      {
        name: 'ML_KEM',
        mechanism: `CKM_ML_KEM with CKP_${spec} and C_DecapsulateKey (PKCS#11 3.2)`,
        test: (desk, { privateKey, publicKey }) => {
          const { ciphertext, sharedSecret } = encapsulateHere(set, publicKey);
          const found = decapsulate(desk, set, { privateKey, ciphertext });
          requireAnswer(found.equals(sharedSecret), 'C_DecapsulateKey');
          const pair = pairHere(set);
          const made = encapsulate(desk, set, pair.publicKey);
          const secret = pair.decapsulate(made.ciphertext);
          requireAnswer(secret.equals(made.sharedSecret), 'C_EncapsulateKey');
        },
      },
    ],
  };
}
