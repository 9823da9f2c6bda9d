import type { KeyObject } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import type { Curve } from '../curves';
import { agrees } from '../import/proofs';
import { ecSigns } from '../import/public-keys';
import { ecPublicHalf, parsePublicHalf } from '../material/public-halves';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { generatePair, type KeyAnswer, type KeyAnswers, requireAnswer } from './row';

interface EcKey {
  readonly privateKey: Handle;
  readonly publicKey: KeyObject;
}

function generate(desk: Desk, curve: Curve): EcKey {
  const pair = generatePair(desk, ckm.EC_KEY_PAIR_GEN, {
    publicKey: [
      [pkcs11.CKA_EC_PARAMS, Buffer.from(curve.oid, 'hex')],
      [pkcs11.CKA_VERIFY, true],
    ],
    privateKey: [
      [pkcs11.CKA_SIGN, true],
      [pkcs11.CKA_DERIVE, true],
    ],
  });
  const publicKey = parsePublicHalf(ecPublicHalf(curve)(desk, pair.publicKey));
  return { privateKey: pair.privateKey, publicKey };
}

function ecdsa(curve: Curve): KeyAnswer<EcKey> {
  return {
    name: curve.ecdsa,
    mechanism: `CKM_ECDSA with ${curve.jwk}`,
    test: (desk, { privateKey, publicKey }) =>
      requireAnswer(ecSigns(desk, privateKey, { curve, publicKey }), 'C_Sign'),
  };
}

function ecdh(curve: Curve): KeyAnswer<EcKey> {
  return {
    name: 'ECDH',
    mechanism: `CKM_ECDH1_DERIVE with ${curve.jwk}`,
    test: (desk, { privateKey, publicKey }) =>
      requireAnswer(agrees(desk, privateKey, { curve, publicKey }), 'C_DeriveKey'),
  };
}

export function ecSigningAnswers(curve: Curve): KeyAnswers<EcKey> {
  return { make: (desk) => generate(desk, curve), answers: [ecdsa(curve)] };
}

export function ecAgreementAnswers(curve: Curve): KeyAnswers<EcKey> {
  return { make: (desk) => generate(desk, curve), answers: [ecdh(curve)] };
}
