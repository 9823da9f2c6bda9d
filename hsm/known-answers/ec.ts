import { createECDH, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { readAttribute, sign } from '../calls';
import { type Curve, curves } from '../curves';
import { HsmError } from '../errors';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { call } from '../return-values';
import { generatePair, type KnownAnswer, requireAnswer, template } from './row';

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

/** PKCS#11 signs a digest and answers r and s of equal length. */
function testEcdsa(desk: Desk, curve: Curve): string {
  const { privateKey, point } = generate(desk, curve);
  const signature = sign(desk, {
    key: privateKey,
    mechanism: { mechanism: ckm.ECDSA },
    data: createHash(curve.hash).update(message).digest(),
  });
  const key = { key: publicKey(curve, point), dsaEncoding: 'ieee-p1363' } as const;
  requireAnswer(verify(curve.hash, message, key, signature), 'C_Sign');
  return '';
}

function testEcdh(desk: Desk, curve: Curve): void {
  const { privateKey, point } = generate(desk, curve);
  const peer = createECDH(curve.node);
  const parameter: pkcs11.ECDH1 = {
    type: pkcs11.CK_PARAMS_EC_DH,
    kdf: pkcs11.CKD_NULL,
    publicData: peer.generateKeys(),
  };
  const secret = template([
    [pkcs11.CKA_TOKEN, false],
    [pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY],
    [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET],
    [pkcs11.CKA_VALUE_LEN, curve.bytes],
    [pkcs11.CKA_SENSITIVE, false],
    [pkcs11.CKA_EXTRACTABLE, true],
  ]);
  const mechanism = { mechanism: ckm.ECDH1_DERIVE, parameter };
  const shared = call('C_DeriveKey', () =>
    desk.library.C_DeriveKey(desk.session, mechanism, privateKey, secret),
  );
  const value = readAttribute(desk, shared, pkcs11.CKA_VALUE);
  requireAnswer(value.equals(peer.computeSecret(point)), 'C_DeriveKey');
}

/** Supported where at least one curve agrees; the note names the ones that do not. */
function testAllEcdh(desk: Desk): string {
  const missing: string[] = [];
  for (const [name, curve] of Object.entries(curves)) {
    try {
      testEcdh(desk, curve);
    } catch (error) {
      if (!(error instanceof HsmError)) throw error;
      missing.push(`not ${name} (${error.message})`);
    }
  }
  if (missing.length === Object.keys(curves).length) {
    throw new HsmError('mechanism-missing', missing.join('; '));
  }
  return missing.join('; ');
}

export const ecAnswers: readonly KnownAnswer[] = [
  ...Object.entries(curves).map(([name, curve]) => ({
    name,
    mechanism: 'CKM_ECDSA',
    test: (desk: Desk) => testEcdsa(desk, curve),
  })),
  { name: 'ECDH', mechanism: 'CKM_ECDH1_DERIVE', test: testAllEcdh },
];
