import { createPrivateKey, createPublicKey, type JsonWebKey } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { readAttribute } from '../calls';
import { HsmError } from '../errors';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { type Attributes, create, generatePair, sessionSecret } from './row';
import { rsaTestKeys } from './rsa-test-keys';

export interface RsaKey {
  readonly privateKey: Handle;
  /** The public half, SPKI in PEM. */
  readonly pem: string;
  readonly note: string;
}

const use: Attributes = [
  [pkcs11.CKA_SIGN, true],
  [pkcs11.CKA_DECRYPT, true],
  [pkcs11.CKA_UNWRAP, true],
];

/** The fixed test key where the token imports it, else one of its own making, which takes up to seconds. */
export function rsaKey(desk: Desk, bits: number): RsaKey {
  try {
    return imported(desk, bits);
  } catch (error) {
    if (!(error instanceof HsmError)) throw error;
    return generated(desk, bits, `generated in the token, which imports none (${error.message})`);
  }
}

const parts = [
  ['n', pkcs11.CKA_MODULUS],
  ['e', pkcs11.CKA_PUBLIC_EXPONENT],
  ['d', pkcs11.CKA_PRIVATE_EXPONENT],
  ['p', pkcs11.CKA_PRIME_1],
  ['q', pkcs11.CKA_PRIME_2],
  ['dp', pkcs11.CKA_EXPONENT_1],
  ['dq', pkcs11.CKA_EXPONENT_2],
  ['qi', pkcs11.CKA_COEFFICIENT],
] as const satisfies ReadonlyArray<readonly [keyof JsonWebKey, number]>;

function imported(desk: Desk, bits: number): RsaKey {
  const der = Buffer.from(rsaTestKeys.get(bits) ?? '', 'base64');
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const jwk = key.export({ format: 'jwk' });
  const privateKey = create(
    desk,
    sessionSecret([
      [pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY],
      [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA],
      ...use,
      ...parts.map(([name, type]) => [type, Buffer.from(jwk[name] ?? '', 'base64url')] as const),
    ]),
  );
  return { privateKey, pem: spki(jwk), note: '' };
}

function generated(desk: Desk, bits: number, note: string): RsaKey {
  const pair = generatePair(desk, ckm.RSA_PKCS_KEY_PAIR_GEN, {
    publicKey: [
      [pkcs11.CKA_MODULUS_BITS, bits],
      [pkcs11.CKA_PUBLIC_EXPONENT, Buffer.from('010001', 'hex')],
      [pkcs11.CKA_VERIFY, true],
      [pkcs11.CKA_ENCRYPT, true],
    ],
    privateKey: use,
  });
  const read = (type: number): string =>
    readAttribute(desk, pair.publicKey, type).toString('base64url');
  const jwk = { kty: 'RSA', n: read(pkcs11.CKA_MODULUS), e: read(pkcs11.CKA_PUBLIC_EXPONENT) };
  return { privateKey: pair.privateKey, pem: spki(jwk), note };
}

function spki(jwk: JsonWebKey): string {
  const { kty, n, e } = jwk;
  const key = { kty: kty ?? 'RSA', n: n ?? '', e: e ?? '' };
  return createPublicKey({ key, format: 'jwk' }).export({ format: 'pem', type: 'spki' }).toString();
}
