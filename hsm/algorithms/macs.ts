import { sign } from '../calls';
import type { Hmac } from '../material/shapes';
import type { Handle } from '../module';
import type { Desk } from '../objects';

/**
 * HMAC by C_Sign. MACs are compared by whoever asks, in constant time: a wrong one makes C_Verify of some tokens fail
 * with a stale error (pkcs11-facts §2).
 */
export function macWith(
  desk: Desk,
  key: Handle,
  { shape, message }: { readonly shape: Hmac; readonly message: Buffer },
): Buffer {
  const mechanism = { mechanism: shape.mac };
  return sign(desk, { key, mechanism, data: message, longest: shape.bytes });
}
