import { createHmac } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { sign } from '../calls';
import { ckm } from '../mechanisms';
import type { Desk } from '../objects';
import { create, type KnownAnswer, requireAnswer, sessionSecret } from './row';

const data = Buffer.from('what do ya want for nothing?');

/**
 * The answer is node:crypto's. VerifyMac compares C_Sign in constant time: a wrong MAC makes C_Verify of some tokens
 * fail with a stale error (pkcs11-facts §2), so C_Verify proves nothing here.
 */
function test(desk: Desk, mac: { mechanism: number; hash: string; bytes: number }): string {
  const value = Buffer.alloc(mac.bytes, 0x0b);
  const key = create(
    desk,
    sessionSecret([
      [pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY],
      [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET],
      [pkcs11.CKA_VALUE, value],
      [pkcs11.CKA_SIGN, true],
    ]),
  );
  const answer = sign(desk, { key, mechanism: { mechanism: mac.mechanism }, data });
  requireAnswer(answer.equals(createHmac(mac.hash, value).update(data).digest()), 'C_Sign');
  return '';
}

/** Key lengths are those of AWS KMS: the hash's output. */
export const hmacAnswers: readonly KnownAnswer[] = (
  [
    ['224', ckm.SHA224_HMAC, 28],
    ['256', ckm.SHA256_HMAC, 32],
    ['384', ckm.SHA384_HMAC, 48],
    ['512', ckm.SHA512_HMAC, 64],
  ] as const
).map(([size, mechanism, bytes]) => ({
  name: `HMAC_${size}`,
  mechanism: `CKM_SHA${size}_HMAC`,
  test: (desk) => test(desk, { mechanism, hash: `sha${size}`, bytes }),
}));
