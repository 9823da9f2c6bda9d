import { createHmac } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { macWith } from '../algorithms/macs';
import type { Hmac } from '../material/shapes';
import { mechanismName } from '../mechanisms';
import type { Handle } from '../module';
import { create, type KeyAnswers, requireAnswer, sessionSecret } from './row';

const message = Buffer.from('what do ya want for nothing?');

/** The answer is node:crypto's. */
export function hmacAnswers(shape: Hmac): KeyAnswers<Handle> {
  const value = Buffer.alloc(shape.bytes, 0x0b);
  // Key lengths are those of AWS KMS: the hash's output.
  const size = String(shape.bytes * 8);
  return {
    make: (desk) =>
      create(
        desk,
        sessionSecret([
          [pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY],
          [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET],
          [pkcs11.CKA_VALUE, value],
          [pkcs11.CKA_SIGN, true],
        ]),
      ),
    answers: [
      {
        name: `HMAC_${size}`,
        mechanism: mechanismName(shape.mac),
        test: (desk, key) => {
          const answer = macWith(desk, key, { shape, message });
          const known = createHmac(`sha${size}`, value).update(message).digest();
          requireAnswer(answer.equals(known), 'C_Sign');
        },
      },
    ],
  };
}
