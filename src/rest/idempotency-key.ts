import type { Violation } from '../errors';
import { pointerTo } from './requests';

export const idempotencyHeader = 'Idempotency-Key';

/** Visible ASCII. Node joins a header that is sent twice by a comma and a space, so that two keys do not match. */
const form = /^[\x21-\x7e]{1,255}$/;

/** What is wrong with the key of a request that has one. */
export function keyViolations(key: string | undefined): readonly Violation[] {
  if (key === undefined || form.test(key)) return [];
  return [
    {
      pointer: pointerTo([idempotencyHeader]),
      in: 'header',
      detail: 'must be 1 to 255 visible characters of ASCII, sent once',
    },
  ];
}
