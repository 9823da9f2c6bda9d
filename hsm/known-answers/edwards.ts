import { createHash, type KeyObject, verify } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { signWith } from '../algorithms/signing';
import { ed25519Oid } from '../curves';
import { HsmError } from '../errors';
import { edwardsSigns } from '../import/public-keys';
import { edwardsPublicHalf, parsePublicHalf } from '../material/public-halves';
import { objectOf } from '../material/templates';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { create, generatePair, type KeyAnswers, requireAnswer, sessionSecret } from './row';

const ed25519Params = Buffer.from(ed25519Oid, 'hex');

interface EdwardsKey {
  readonly privateKey: Handle;
  readonly publicKey: KeyObject;
}

function generate(desk: Desk): EdwardsKey {
  const pair = generatePair(desk, ckm.EC_EDWARDS_KEY_PAIR_GEN, {
    publicKey: [
      [pkcs11.CKA_EC_PARAMS, ed25519Params],
      [pkcs11.CKA_VERIFY, true],
    ],
    privateKey: [[pkcs11.CKA_SIGN, true]],
  });
  const publicKey = parsePublicHalf(edwardsPublicHalf(desk, pair.publicKey));
  return { privateKey: pair.privateKey, publicKey };
}

function testPure(desk: Desk, { privateKey, publicKey }: EdwardsKey): void {
  requireAnswer(edwardsSigns(desk, privateKey, publicKey), 'C_Sign');
}

/** RFC 8032 §7.3, "TEST abc". */
const vector = {
  seed: '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
  message: 'abc',
  signature:
    '98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41' +
    '31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406',
};

/**
 * A token that ignores the parameter answers a plain Ed25519 signature of what it is given, which looks like success
 * (SoftHSM). Only the published answer proves that it does not.
 */
function testPrehash(
  desk: Desk,
  { privateKey, publicKey }: EdwardsKey,
  by: { readonly detour: boolean },
): void {
  const input = Buffer.from(vector.message);
  const given = by.detour ? createHash('sha512').update(input).digest() : input;
  const request = { algorithm: 'ED25519_PH_SHA_512', input, ...by } as const;
  if (verify(null, given, publicKey, signWith(desk, privateKey, request))) {
    throw new HsmError('mechanism-missing', 'C_Sign: the token ignores CK_EDDSA_PARAMS.phFlag');
  }
  const known = create(
    desk,
    sessionSecret([
      [pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY],
      [pkcs11.CKA_KEY_TYPE, objectOf('ECC_NIST_EDWARDS25519').type],
      [pkcs11.CKA_EC_PARAMS, ed25519Params],
      [pkcs11.CKA_VALUE, Buffer.from(vector.seed, 'hex')],
      [pkcs11.CKA_SIGN, true],
    ]),
  );
  const answer = signWith(desk, known, request);
  requireAnswer(answer.equals(Buffer.from(vector.signature, 'hex')), 'C_Sign');
}

export const edwardsAnswers: KeyAnswers<EdwardsKey> = {
  make: generate,
  answers: [
    { name: 'ED25519_SHA_512', mechanism: 'CKM_EDDSA', test: testPure },
    {
      name: 'ED25519_PH_SHA_512',
      mechanism: 'CKM_EDDSA with CK_EDDSA_PARAMS',
      test: (desk, key) => testPrehash(desk, key, { detour: false }),
      detour: {
        note: 'hashed outside the token',
        test: (desk, key) => testPrehash(desk, key, { detour: true }),
      },
    },
  ],
};
