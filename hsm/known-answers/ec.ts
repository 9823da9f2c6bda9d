import { createECDH, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { agreeWith } from '../algorithms/agreement';
import { signWith } from '../algorithms/signing';
import { readAttribute } from '../calls';
import type { Curve } from '../curves';
import { HsmError } from '../errors';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { generatePair, type KeyAnswer, type KeyAnswers, requireAnswer } from './row';

const message = Buffer.from('claviger known answer');

interface EcKey {
  readonly privateKey: Handle;
  /** Uncompressed point: 4, x, y. */
  readonly point: Buffer;
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
  const point = readAttribute(desk, pair.publicKey, pkcs11.CKA_EC_POINT);
  const bytes = 1 + 2 * curve.bytes;
  // Wrapped in a DER OCTET STRING as PKCS#11 says, or bare as some tokens do.
  if (point.length < bytes)
    throw new HsmError('failed', 'C_GetAttributeValue: CKA_EC_POINT is too short');
  return { privateKey: pair.privateKey, point: point.subarray(point.length - bytes) };
}

function publicKey(curve: Curve, point: Buffer): KeyObject {
  const x = point.subarray(1, 1 + curve.bytes).toString('base64url');
  const y = point.subarray(1 + curve.bytes).toString('base64url');
  return createPublicKey({ key: { kty: 'EC', crv: curve.jwk, x, y }, format: 'jwk' });
}

function ecdsa(curve: Curve): KeyAnswer<EcKey> {
  return {
    name: curve.ecdsa,
    mechanism: `CKM_ECDSA with ${curve.jwk}`,
    test: (desk, { privateKey, point }) => {
      const input = createHash(curve.hash).update(message).digest();
      const signature = signWith(desk, privateKey, { algorithm: curve.ecdsa, input });
      requireAnswer(verify(curve.hash, message, publicKey(curve, point), signature), 'C_Sign');
    },
  };
}

function ecdh(curve: Curve): KeyAnswer<EcKey> {
  return {
    name: 'ECDH',
    mechanism: `CKM_ECDH1_DERIVE with ${curve.jwk}`,
    test: (desk, { privateKey, point }) => {
      const peer = createECDH(curve.node);
      const secret = agreeWith(desk, privateKey, { curve, peer: peer.generateKeys() });
      requireAnswer(secret.equals(peer.computeSecret(point)), 'C_DeriveKey');
    },
  };
}

export function ecSigningAnswers(curve: Curve): KeyAnswers<EcKey> {
  return { make: (desk) => generate(desk, curve), answers: [ecdsa(curve)] };
}

export function ecAgreementAnswers(curve: Curve): KeyAnswers<EcKey> {
  return { make: (desk) => generate(desk, curve), answers: [ecdh(curve)] };
}
