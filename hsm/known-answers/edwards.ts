import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { readAttribute, sign } from '../calls';
import { HsmError } from '../errors';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { create, generatePair, type KnownAnswer, requireAnswer, sessionSecret } from './row';

/** id-Ed25519 (RFC 8410 §3); SoftHSM takes the PrintableString "edwards25519" as well. */
const ed25519Params = Buffer.from('06032b6570', 'hex');
const message = Buffer.from('claviger known answer');
const publicBytes = 32;

function generate(desk: Desk): { privateKey: Handle; publicKey: KeyObject } {
  const pair = generatePair(desk, ckm.EC_EDWARDS_KEY_PAIR_GEN, {
    publicKey: [
      [pkcs11.CKA_EC_PARAMS, ed25519Params],
      [pkcs11.CKA_VERIFY, true],
    ],
    privateKey: [[pkcs11.CKA_SIGN, true]],
  });
  const point = readAttribute(desk, pair.publicKey, pkcs11.CKA_EC_POINT);
  const x = point.subarray(point.length - publicBytes).toString('base64url');
  const key = { kty: 'OKP', crv: 'Ed25519', x };
  return { privateKey: pair.privateKey, publicKey: createPublicKey({ key, format: 'jwk' }) };
}

function testPure(desk: Desk): string {
  const { privateKey, publicKey } = generate(desk);
  const signature = sign(desk, {
    key: privateKey,
    mechanism: { mechanism: ckm.EDDSA },
    data: message,
  });
  requireAnswer(verify(null, message, publicKey, signature), 'C_Sign');
  return '';
}

/** CK_EDDSA_PARAMS on a 64-bit machine: phFlag true, no context. pkcs11js has no type for it. */
function prehashParameter(): Buffer {
  const parameter = Buffer.alloc(24);
  parameter[0] = 1;
  return parameter;
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
 * A token that ignores the parameter answers a plain Ed25519 signature over the digest, which looks like success
 * (SoftHSM). Only the published answer proves that it does not.
 */
function testPrehash(desk: Desk): string {
  const mechanism = { mechanism: ckm.EDDSA, parameter: prehashParameter() };
  const data = createHash('sha512').update(vector.message).digest();
  const { privateKey, publicKey } = generate(desk);
  const generated = sign(desk, { key: privateKey, mechanism, data });
  if (verify(null, data, publicKey, generated)) {
    throw new HsmError('mechanism-missing', 'C_Sign: the token ignores CK_EDDSA_PARAMS.phFlag');
  }
  const known = create(
    desk,
    sessionSecret([
      [pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY],
      [pkcs11.CKA_KEY_TYPE, 0x40], // CKK_EC_EDWARDS
      [pkcs11.CKA_EC_PARAMS, ed25519Params],
      [pkcs11.CKA_VALUE, Buffer.from(vector.seed, 'hex')],
      [pkcs11.CKA_SIGN, true],
    ]),
  );
  const answer = sign(desk, { key: known, mechanism, data });
  requireAnswer(answer.equals(Buffer.from(vector.signature, 'hex')), 'C_Sign');
  return '';
}

export const edwardsAnswers: readonly KnownAnswer[] = [
  { name: 'ECC_NIST_EDWARDS25519', mechanism: 'CKM_EDDSA', test: testPure },
  { name: 'ED25519_PH_SHA_512', mechanism: 'CKM_EDDSA', test: testPrehash },
];
